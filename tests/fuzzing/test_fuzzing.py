# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A sample of tests/fuzzing/fuzz.py, and that it sees what must not happen."""

import os
import subprocess
import sys

import pytest
from fuzzing.fuzz import Watched, blind
from fuzzing.targets import TARGETS, bounded_memory
from fuzzing.watching import Trespass, watched


@pytest.mark.filterwarnings("ignore")  # of Pillow, about metadata
@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("inputs", [25, pytest.param(5_000, marks=pytest.mark.slow)])
def test_hostile_inputs_are_refused_or_read(name, inputs, tmp_path, capsys):
    assert blind(name, inputs, 0, tmp_path) == 0, capsys.readouterr().out
    assert not any(tmp_path.iterdir())


def test_an_input_depends_on_its_number_alone(tmp_path):
    first, again = Watched("snappy", tmp_path), Watched("snappy", tmp_path)
    assert [first.damaged(n, 1) for n in range(9)] == [again.damaged(n, 1) for n in range(9)]


@pytest.mark.parametrize(
    "deed",
    [
        lambda outside: (outside / "file").write_text("x"),
        lambda outside: (outside / "victim").unlink(),
        lambda outside: (outside / "folder").mkdir(),
        lambda outside: subprocess.run([sys.executable, "-c", ""]),
        lambda outside: os.system("true"),
        lambda outside: exec("1"),
    ],
)
def test_a_trespass_is_seen(deed, tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "victim").touch()
    with pytest.raises(Trespass), watched(inside):
        deed(outside)
    assert [path.name for path in outside.iterdir()] == ["victim"]


def test_a_target_may_write_in_its_folder(tmp_path):
    with watched(tmp_path):
        (tmp_path / "file").write_text("x")
        (tmp_path / "file").unlink()


def test_much_memory_is_seen():
    with pytest.raises(AssertionError, match="bytes"), bounded_memory(1 << 20):
        bytes(1 << 21)
