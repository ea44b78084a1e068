# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import unicodedata

import cv2
import numpy as np
import pytest

from ppdeepfill.data import UnreadableImage
from ppdeepfill.errors import DataError
from ppdeepfill.evaluation.mask_sets import AREAS, DRAWN, open_masks, pair_name

SIZE = (64, 72)


def masks_of(spec, **changes):
    return open_masks(str(spec), **{"image_size": SIZE, "hole_size": (32, 40), **changes})


def write_mask(path, size=SIZE, box=np.s_[8:24, 10:50]):
    mask = np.zeros(size, np.uint8)
    mask[box] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), mask)
    return (mask > 0).astype(np.uint8)


@pytest.mark.parametrize("kind", DRAWN)
def test_a_mask_depends_on_seed_and_number_alone(kind):
    forth = [masks_of(kind)(n, "", SIZE) for n in range(6)]
    masks = masks_of(kind)
    back = [masks(n, "other", (9, 9)) for n in reversed(range(6))][::-1]
    np.testing.assert_array_equal(forth, back)
    assert all(
        m.dtype == np.uint8 and m.shape == SIZE and set(np.unique(m)) == {0, 1} for m in back
    )
    if kind != "center":
        assert len({m.tobytes() for m in back}) == 6
        assert (masks_of(kind, seed=1)(0, "", SIZE) != forth[0]).any()


def test_rectangles_keep_to_their_size():
    masks = masks_of("rectangle")
    for number in range(50):
        rows, columns = np.nonzero(masks(number, "", SIZE))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert height * width == len(rows)
        assert 24 <= height <= 32 and 32 <= width <= 40


def test_strokes_cover_the_areas_in_turn():
    masks = masks_of("free_form")
    for number in range(12):
        low, high = AREAS[number % 6]
        assert low < masks(number, "", SIZE).mean() <= high
    masks = masks_of("free_form", areas=[(0.25, 0.3)])
    assert all(0.25 < masks(number, "", SIZE).mean() <= 0.3 for number in range(5))


def test_an_area_that_strokes_cannot_meet_is_refused():
    with pytest.raises(DataError, match="never covered 0.5 to 0.5001 .*wider"):
        masks_of("free_form", areas=[(0.5, 0.5001)])


def test_masks_are_found_by_name(tmp_path):
    expected = write_mask(tmp_path / "masks" / "a" / "1.png")
    write_mask(tmp_path / "masks" / "2.png", box=np.s_[:4])
    masks = masks_of(tmp_path / "masks", names=["a/1.jpg", "2.jpg"])
    np.testing.assert_array_equal(masks(0, "a/1.jpg", SIZE), expected)
    assert masks(7, "2.jpg", SIZE).sum() == 4 * 72
    with pytest.raises(DataError, match="1 images have no mask.*'a/3.jpg' expected 'a/3'"):
        masks_of(tmp_path / "masks", names=["2.jpg", "a/3.jpg"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a/1.jpg", "a/1"), ("/data/1.jpg", "data/1"), ("../1.b.png", "1.b"), ("C:\\x\\1.png", "x/1")],
)
def test_the_name_of_a_pair_stays_inside_a_folder(name, expected):
    assert pair_name(name) == expected


def test_a_mask_of_the_stored_size_is_cut_as_its_image(tmp_path):
    stored = (100, 90)
    mask = write_mask(tmp_path / "m.png", stored, np.s_[50:80, 20:70])
    masks = masks_of(tmp_path / "m.png")
    np.testing.assert_array_equal(masks(0, "", stored), mask[18:82, 9:81])
    resized = masks_of(tmp_path / "m.png", crop=False)(0, "", stored)
    assert resized.shape == SIZE and set(np.unique(resized)) == {0, 1}
    with pytest.raises(DataError, match="100 x 90 pixels.*expected 50 x 50 .*or 64 x 72"):
        masks(0, "", (50, 50))


def test_a_coloured_mask_counts_by_its_grey_level_as_in_predict(tmp_path):
    pixels = np.zeros((*SIZE, 3), np.uint8)
    pixels[:8, :, 2], pixels[8:16, :, 1] = 255, 255  # red: grey 76; green: grey 150
    (tmp_path / "m.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    mask = masks_of(tmp_path / "m.png")(0, "", SIZE)
    assert not mask[:8].any() and mask[8:16].all() and not mask[16:].any()


def test_a_mask_without_a_hole_in_the_window_is_left_out(tmp_path):
    write_mask(tmp_path / "m.png", (100, 90), np.s_[:5])
    with pytest.raises(UnreadableImage, match="no hole"):
        masks_of(tmp_path / "m.png")(0, "", (100, 90))


def test_a_shape_in_alpha_is_a_mask_as_in_predict(tmp_path):
    hole = write_mask(tmp_path / "m.png")
    layer = np.dstack([np.full((*SIZE, 3), 255, np.uint8), hole * np.uint8(255)])
    cv2.imwrite(str(tmp_path / "m.png"), layer)
    np.testing.assert_array_equal(masks_of(tmp_path / "m.png")(0, "", SIZE), hole)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "1.png").write_bytes((tmp_path / "m.png").read_bytes())
    np.testing.assert_array_equal(masks_of(tmp_path / "set")(0, "1.jpg", SIZE), hole)


def test_a_mask_of_0_and_1_says_what_to_write(tmp_path):
    cv2.imwrite(str(tmp_path / "m.png"), write_mask(tmp_path / "m.png"))
    with pytest.raises(UnreadableImage, match="levels are 0 and 1.*use 255"):
        masks_of(tmp_path / "m.png")(0, "", SIZE)


def test_masks_are_found_in_another_unicode_form(tmp_path):
    name = "Café 한글"
    write_mask(tmp_path / "masks" / f"{unicodedata.normalize('NFD', name)}.png")
    image = f"{unicodedata.normalize('NFC', name)}.jpg"
    assert masks_of(tmp_path / "masks", names=[image])(0, image, SIZE).any()


def test_unusable_masks_are_explained(tmp_path):
    with pytest.raises(DataError, match="neither center, rectangle, free_form nor an existing"):
        masks_of(tmp_path / "none")
    with pytest.raises(DataError, match=r"hole size.*image size \[64, 72\]; got \[65, 8\]"):
        masks_of("center", hole_size=(65, 8))
    for ending in (".png", ".bmp"):
        write_mask(tmp_path / "twice" / f"1{ending}")
    with pytest.raises(DataError, match="two masks for one image: '1'"):
        masks_of(tmp_path / "twice")
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(DataError, match="text.png"):
        masks_of(tmp_path / "text.png")
