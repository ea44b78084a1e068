# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
import io
import subprocess
import sys
import time

from ppdeepfill.terminal import progress as module
from ppdeepfill.terminal.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_shows_the_time_left_and_leaves_nothing(monkeypatch):
    monkeypatch.setattr(module, "DELAY", 0)
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    for _ in progress(range(3), unit="photo"):
        time.sleep(0.15)  # tqdm redraws every 0.1 s
    drawn = terminal.getvalue().split("\r")
    assert any("2/3" in text and "<00:00" in text for text in drawn)
    assert not drawn[-1].strip()


def test_what_ends_soon_or_is_no_terminal_shows_none(monkeypatch):
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    assert list(progress(range(3), unit="photo")) == [0, 1, 2]
    assert not terminal.getvalue().strip()
    monkeypatch.setattr(module, "DELAY", 0)
    monkeypatch.setattr("sys.stderr", pipe := io.StringIO())
    assert list(progress(range(3), unit="photo")) == [0, 1, 2]
    assert not pipe.getvalue()


NOTEBOOK = """
import sys
from types import SimpleNamespace
sys.modules["ipykernel.zmqshell"] = SimpleNamespace()  # as tqdm knows a notebook
sys.modules["IPython"] = SimpleNamespace(get_ipython=lambda: None)
sys.modules["ipywidgets"] = None  # not installed
import ppdeepfill.training.log, ppdeepfill.inference.predict
"""


def test_a_notebook_without_widgets_is_told_nothing_about_them():
    ended = subprocess.run([sys.executable, "-c", NOTEBOOK], capture_output=True, text=True)
    assert ended.returncode == 0
    assert "ipywidgets" not in ended.stderr
