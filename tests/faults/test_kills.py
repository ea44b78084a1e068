# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A few of the kills of tests/kills.py, and all of them where time does not matter."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
@pytest.mark.parametrize(
    "arguments",
    [
        ["--kills", "4", "--jobs", "convert", "train"],
        pytest.param(["--kills", "500"], marks=pytest.mark.slow),
    ],
)
def test_killed_commands_end_as_others_do(tmp_path, arguments):
    command = [sys.executable, str(ROOT / "tests" / "kills.py"), "--folder", str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n0 rounds failed" in done.stdout
