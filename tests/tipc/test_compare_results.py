# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Pictures of several runs of inference agree, or the comparison says which do not."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
compare_results = runpy.run_path(str(ROOT / "test_tipc/compare_results.py"))["main"]


def write_run(folder: Path, name: str, change: int = 0, pictures: int = 2) -> str:
    """A log with its pictures, of which the last differs from other runs' in one field."""
    (folder / name).mkdir()
    for number in range(pictures):
        pixels = np.random.default_rng(number).integers(0, 200, [64, 48, 3], dtype=np.uint8)
        if number == pictures - 1:
            pixels[16:32, 12:24] += np.uint8(change)
        Image.fromarray(pixels).save(folder / name / f"{number}.png")
    log = folder / f"{name}.log"
    log.touch()
    return str(log)


def test_equal_pictures_agree(tmp_path, capsys):
    write_run(tmp_path, "a"), write_run(tmp_path, "b")
    assert compare_results([f"--log_file={tmp_path}/*.log"]) == 0
    assert "2 runs of 2 pictures agree with" in capsys.readouterr().out


def test_a_difference_of_one_level_in_a_field_is_found(tmp_path, capsys):
    logs = [write_run(tmp_path, "a"), write_run(tmp_path, "b", change=1)]
    assert compare_results(["--log_file", *logs]) == 1
    assert "1.png: fields differ by up to 1.0000 of 255" in capsys.readouterr().err


def test_stored_numbers_are_those_of_the_pictures(tmp_path):
    log, stored = write_run(tmp_path, "a"), tmp_path / "numbers.txt"
    assert compare_results([f"--log_file={log}", f"--write={stored}"]) == 0
    assert compare_results([f"--log_file={log}", f"--gt_file={stored}"]) == 0
    other = write_run(tmp_path, "b", change=1)
    assert compare_results([f"--log_file={other}", f"--gt_file={stored}"]) == 1


@pytest.mark.parametrize("pictures", [0, 1])
def test_missing_pictures_are_found(pictures, tmp_path, capsys):
    logs = [write_run(tmp_path, "a"), write_run(tmp_path, "b", pictures=pictures)]
    assert compare_results(["--log_file", *logs]) == 1
    assert f"{pictures} pictures, expected 2" in capsys.readouterr().err


def test_without_any_log_nothing_agrees(tmp_path):
    assert compare_results([f"--log_file={tmp_path}/*.log"]) == 1
