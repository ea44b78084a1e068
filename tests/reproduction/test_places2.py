# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import tarfile

import cv2
import numpy as np
import pytest

from ppdeepfill.data import open_source
from ppdeepfill.errors import DataError
from ppdeepfill.reproduction.places2 import ARCHIVES, check, find, missing


def write_photo(path, side=300):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full([side, side + 9, 3], 90, np.uint8))


@pytest.fixture
def validation(tmp_path):
    """A folder like val_large, of three images."""
    for number in (1, 2, 3):
        write_photo(tmp_path / f"data/val_large/Places365_val_0000000{number}.jpg")
    return tmp_path / "data/val_large"


def checked(folder, part="validation", **options):
    return check(open_source(str(folder)), part, **{"sample": 9, "image_size": 256} | options)


def test_archives_come_before_folders_and_large_images_before_small(tmp_path, validation):
    assert find(tmp_path, "train") is None
    assert find(tmp_path, "validation") == validation
    (tmp_path / "val_256").mkdir()
    assert find(tmp_path, "validation") == validation
    with tarfile.open(tmp_path / "val_large.tar", "w") as archive:
        archive.add(validation, "val_large")
    assert find(tmp_path, "validation") == tmp_path / "val_large.tar"
    found = checked(tmp_path / "val_large.tar")
    assert (found.count, found.sample, found.smallest) == (3, 3, 300)


@pytest.mark.parametrize("part", ARCHIVES)
def test_what_is_missing_is_named(part):
    for archive in ARCHIVES[part]:
        assert archive.file in missing(part) and archive.size in missing(part)


def test_an_incomplete_archive_is_told(validation):
    (note,) = checked(validation).notes
    assert "3 images, but val_large.tar has 36,500" in note


def test_a_complete_archive_has_nothing_to_tell(validation, monkeypatch):
    best = ARCHIVES["validation"][0]._replace(images=3)
    monkeypatch.setitem(ARCHIVES, "validation", (best,))
    assert checked(validation).notes == []


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("data_large/a/airfield/00000001.jpg", True),
        ("data_large/f/field/cultivated/00004321.jpg", True),
        ("a/airfield/00000001.jpg", True),
        ("data_large/airfield/1.jpg", False),
    ],
)
def test_the_layout_of_the_training_part_is_known(tmp_path, monkeypatch, name, fits):
    write_photo(tmp_path / "x" / name)
    if not name.startswith("data_large"):
        (tmp_path / "x").rename(tmp_path / "data_large")
    else:
        (tmp_path / "x/data_large").rename(tmp_path / "data_large")
    best = ARCHIVES["train"][0]._replace(images=1)
    monkeypatch.setitem(ARCHIVES, "train", (best,))
    notes = checked(tmp_path / "data_large", "train").notes
    assert (not notes) is fits
    assert fits or "has no image named like" in notes[0]


def test_small_and_broken_images_are_counted_and_not_refused(tmp_path):
    write_photo(tmp_path / "mine/a.jpg", side=100)
    write_photo(tmp_path / "mine/b.jpg")
    (tmp_path / "mine/c.jpg").write_bytes(b"no picture")
    found = checked(tmp_path / "mine")
    assert found.smallest == 100 and found.sample == 3
    text = " ".join(found.notes)
    assert "1 of 3 cannot be read, for example" in text and "c.jpg" in text
    assert "1 of 3 are below 256 px" in text and "not an archive of" in text


def test_nothing_readable_is_an_error(tmp_path):
    (tmp_path / "c.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match="none of 1 images can be read"):
        checked(tmp_path)
