# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ppdeepfill.terminal.interruption import Interrupted, interruptible

REPOSITORY = Path(__file__).parents[2]
SLOW_IMPORT = """
import time
print("importing", flush=True)
end = time.monotonic() + 1
while time.monotonic() < end:
    time.sleep(0.01)
print("imported", flush=True)
"""
PROGRAM = """
import signal, time
from ppdeepfill.terminal.interruption import Interrupted, interruptible
signal.signal(signal.SIGINT, signal.default_int_handler)  # which `pytest &` may ignore
try:
    with interruptible():
        {}
except Interrupted:
    print("clean")
"""


def test_an_interruption_reaches_the_code_inside_and_can_be_caught_as_usual():
    with pytest.raises(Interrupted), interruptible():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:
            caught = error
            raise
    assert isinstance(caught, Interrupted)


def test_what_an_interruption_leads_to_is_one_too():
    with pytest.raises(Interrupted), interruptible():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise SystemError("a library's own words") from None


def test_other_errors_and_the_earlier_handler_stay():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="a fault"), interruptible():
        raise ValueError("a fault")
    assert signal.getsignal(signal.SIGINT) is before


def started(tmp_path: Path, body: str) -> subprocess.Popen:
    """A program that has printed its first line."""
    (tmp_path / "slow_import.py").write_text(SLOW_IMPORT)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(body)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(REPOSITORY)])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "importing\n"
    return process


def test_an_import_comes_to_its_end_first(tmp_path):
    process = started(tmp_path, "import slow_import; time.sleep(60)")
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30) == ("imported\nclean\n", "")
    assert process.returncode == 0


def test_an_import_whose_error_was_answered_leaves_no_signal_behind(tmp_path):
    process = started(tmp_path, "import slow_import")
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30) == ("imported\nclean\n", "")


def test_a_second_interruption_ends_the_process_at_once(tmp_path):
    process = started(tmp_path, "import slow_import; time.sleep(60)")
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == -signal.SIGINT
