# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from ppdeepfill.aistudio.workplace import find_workplace


def test_on_ai_studio_results_go_where_they_survive(tmp_path):
    (tmp_path / "work").mkdir()
    place = find_workplace(tmp_path)
    assert (place.work, place.data) == (tmp_path / "work", tmp_path / "data")


def test_elsewhere_results_go_below_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = find_workplace(tmp_path / "home")
    assert (place.work, place.data) == (Path("output"), Path("data"))
    assert place.training_images() == "bundled:train"


def test_places2_comes_before_larger_archives_and_those_before_the_photographs(tmp_path):
    (tmp_path / "work").mkdir()
    folder = tmp_path / "data/data105124"
    folder.mkdir(parents=True)
    place = find_workplace(tmp_path)
    for name, size in (("small.zip", 1), ("large.ZIP", 3), ("notes.txt", 9)):
        (folder / name).write_bytes(bytes(size))
    assert place.training_images() == str(folder / "large.ZIP")
    (folder / "train_256_places365standard.tar").touch()
    assert place.training_images() == str(folder / "train_256_places365standard.tar")
