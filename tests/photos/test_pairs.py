# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Photos, their masks and their results by name."""

from pathlib import Path, PurePosixPath

import pytest

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
    with pytest.raises(DataError, match="no image in the folder"):
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
