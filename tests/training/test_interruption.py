# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import os
import signal
import subprocess
import sys
import time

import pytest

from ppdeepfill.training.interruption import Interruption


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_only_noted(number):
    before = signal.getsignal(number)
    with Interruption() as interruption:
        assert interruption.signal == 0
        signal.raise_signal(number)
        signal.raise_signal(signal.SIGTERM)  # the same request, passed on by a launcher
        assert interruption.signal == number
    assert signal.getsignal(number) == before


def test_the_end_of_the_launcher_counts_as_a_request(monkeypatch):
    with Interruption(launched=True) as launched, Interruption() as alone:
        assert launched.signal == alone.signal == 0
        monkeypatch.setattr(os, "getppid", lambda: 0)  # 1 may be the parent already
        assert launched.signal == signal.SIGTERM
        assert alone.signal == 0


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_later_signal_ends_the_process_at_once(second):
    program = (
        "import time; from ppdeepfill.training.interruption import Interruption\n"
        "with Interruption() as i:\n"
        "    print('ready', flush=True)\n"
        "    while True: time.sleep(0.01)"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert run.stdout.readline() == "ready\n"
    run.send_signal(signal.SIGINT)
    time.sleep(1.1)
    assert run.poll() is None
    run.send_signal(second)
    _, messages = run.communicate(timeout=10)
    assert run.returncode == -second
    assert "repeat to stop immediately" in messages
