# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Photos, their masks and their results by name."""

import os
import unicodedata
from pathlib import Path, PurePosixPath

import pytest

from ppdeepfill.data.names import IMAGE_SUFFIXES
from ppdeepfill.errors import DataError, OutputError
from ppdeepfill.photos import Results, find_pairs

NAMES = ("a.png", "b c.jpg", "日本/c.webp", "C:\\d.png", "e.f.png")


@pytest.fixture
def folder(tmp_path):
    """Make files below a folder."""

    def folder(name: str, *files: str) -> Path:
        for file in files:
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"image")
        return tmp_path / name

    return folder


def test_masks_are_found_by_name(folder, tmp_path):
    photos = folder("photos", *NAMES)
    masks = folder("masks", "a.jpg", "b c_mask.png", "日本/c.png", "C:\\d.bmp", "e.f.png", "x.png")
    pairs = find_pairs(photos, masks, tmp_path / "out")
    found = {str(pair.name): str(pair.mask().relative_to(masks)) for pair in pairs}
    assert found == {
        "a.png": "a.jpg",
        "b c.jpg": "b c_mask.png",
        "日本/c.webp": "日本/c.png",
        "C:\\d.png": "C:\\d.bmp",
        "e.f.png": "e.f.png",
    }


def test_names_are_compared_in_one_unicode_form(folder, tmp_path):
    composed = [unicodedata.normalize("NFC", name) for name in ("Café.jpg", "한글 ü.png")]
    photos = folder("photos", *composed)
    masks = folder("masks", *(unicodedata.normalize("NFD", name) for name in composed))
    pairs = find_pairs(photos, masks, tmp_path / "out")
    assert [pair.mask().stem == pair.name.stem for pair in pairs] == [False, False]
    assert {str(pair.name) for pair in pairs} == set(composed)  # results keep the photos' names


def test_every_ending_that_a_single_file_may_have_counts_in_a_folder(folder, tmp_path, messages):
    names = [f"{n}{ending}" for n, ending in enumerate(sorted(IMAGE_SUFFIXES))]
    photos = folder("photos", *names, "notes.txt", "more.txt", "raw.heic", "none")
    (photos / "folder.png").mkdir()
    (photos / "dead.png").symlink_to("gone.png")
    if hasattr(os, "mkfifo"):
        os.mkfifo(photos / "pipe.png")
    pairs = find_pairs(photos, None, tmp_path / "out")
    assert sorted(str(pair.name) for pair in pairs) == sorted(names)
    assert {".gif", ".jpe", ".jfif", ".dib", ".avif"} <= IMAGE_SUFFIXES
    assert "skipped 4 other files (2 .txt, 1 .heic, 1 without ending)" in messages.text
    assert "images that are broken links or not files" in messages.text


def test_one_mask_serves_all(folder, tmp_path):
    photos, mask = folder("photos", *NAMES), folder("masks", "m.png") / "m.png"
    pairs = find_pairs(photos, mask, tmp_path / "out")
    assert len(pairs) == len(NAMES)
    assert {pair.mask() for pair in pairs} == {mask}
    assert {pair.mask() for pair in find_pairs(photos, None, tmp_path / "out")} == {None}


def test_a_missing_mask_and_two_masks_are_refused_by_name(folder, tmp_path):
    photos = folder("photos", "a.png", "b.png", "c.png")
    masks = folder("masks", "b.png", "b.bmp", "c_mask.png", "other/a.png")
    a, b, c = find_pairs(photos, masks, tmp_path / "out")
    with pytest.raises(DataError, match="no mask for .*a.png"):
        a.mask()
    with pytest.raises(DataError, match="several masks for .*b.bmp.*b.png"):
        b.mask()
    assert c.mask().name == "c_mask.png"


def test_results_and_masks_among_the_photos_are_no_photos(folder):
    photos = folder("photos", "a.png", "masks/a.png", "output/a.png", "m.png")
    for mask_path in (photos / "masks", photos / "m.png"):
        pairs = find_pairs(photos, mask_path, photos / "output")
        names = {str(pair.name) for pair in pairs}
        assert names == {"a.png", "m.png", "masks/a.png"} - {
            "masks/a.png" if mask_path.is_dir() else "m.png"
        }


def test_photos_and_masks_may_share_a_folder(folder, tmp_path):
    both = folder("both", "a.png", "a_mask.png", "b.jpg", "b.png")
    pairs = find_pairs(both, both, tmp_path / "out")
    found = {str(pair.name): [mask.name for mask in pair.masks] for pair in pairs}
    assert found == {"a.png": ["a_mask.png"], "b.jpg": [], "b.png": []}


def test_paths_without_photos_are_refused(folder, tmp_path):
    empty = folder("empty", "text.txt", ".hidden.png")
    with pytest.raises(DataError, match="no image in folder"):
        find_pairs(empty, None, tmp_path)
    with pytest.raises(DataError, match="--image_path: no such"):
        find_pairs(tmp_path / "nowhere", None, tmp_path)
    with pytest.raises(DataError, match="--mask_path: no such"):
        find_pairs(empty / "text.txt", tmp_path / "nowhere.png", tmp_path)


def test_an_input_is_never_a_place_for_results(folder, tmp_path):
    photos = folder("photos", "a.png", "b.png")
    (tmp_path / "link").symlink_to(photos)
    mask = folder("masks", "m.png") / "m.png"
    for save_dir in (photos, tmp_path / "link"):
        pairs = find_pairs(photos, mask, save_dir)
        with pytest.raises(DataError, match="is an input"):
            Results(save_dir, pairs).reserve(pairs[0], [".png"])
        assert Results(save_dir, pairs).reserve(pairs[0], [".jpg"]) == [save_dir / "a.jpg"]
    pair = pairs[0]._replace(name=PurePosixPath("m.jpg"))
    with pytest.raises(DataError, match="is an input"):
        Results(mask.parent, pairs).reserve(pair, [".png"])


def test_two_photos_never_share_a_result(folder, tmp_path):
    pairs = find_pairs(folder("photos", "a.jpg", "a.png"), None, tmp_path / "out")
    results = Results(tmp_path / "out", pairs)
    assert results.reserve(pairs[0], [".png"]) == [tmp_path / "out/a.png"]
    with pytest.raises(DataError, match="would replace the result of .*a.jpg"):
        results.reserve(pairs[1], [".png"])


def test_a_folder_of_results_that_cannot_be_made_is_refused(folder):
    file = folder("photos", "a.png") / "a.png"
    with pytest.raises(OutputError, match="a.png is not a folder; change --save_dir"):
        Results(file / "below", [])
