# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Masks as people make them."""

import cv2
import numpy as np
import pytest
from PIL import Image

from ppdeepfill.data.pictures import as_stored
from ppdeepfill.errors import DataError
from ppdeepfill.photos import HoleRule, NoHole, Photo, find_hole, read_photo
from ppdeepfill.photos.holes import dilated


@pytest.fixture
def photo(colors) -> Photo:
    return Photo(colors[..., :3], "PNG")


@pytest.fixture
def find(photo, tmp_path):
    """Write a mask, read the hole."""

    def find(mask: np.ndarray, name: str = "mask.png", of: Photo = photo, **rule):
        path = tmp_path / name
        Image.fromarray(mask).save(path)
        return find_hole(of, tmp_path / "photo.png", path, HoleRule(**rule))

    return find


def drawn(hole: np.ndarray, inside, outside) -> np.ndarray:
    """A picture with one value in the hole and another around it."""
    return np.where(hole[..., None], np.uint8(inside), np.uint8(outside)).squeeze()


@pytest.mark.parametrize(
    ("inside", "outside", "rule"),
    [
        (255, 0, {}),
        (255, 0, {"polarity": "white"}),
        (0, 255, {"polarity": "black"}),
        ((255, 255, 255), (0, 0, 0), {}),
        # strokes on a transparent layer: only alpha tells, or colour alone
        ((255, 255, 255, 255), (255, 255, 255, 0), {}),
        ((255, 255, 255, 255), (0, 0, 0, 0), {}),
        ((255, 255, 255, 255), (0, 0, 0, 255), {}),
        ((0, 0, 0, 255), (0, 0, 0, 0), {"polarity": "black"}),
        ((9, 9, 9, 0), (200, 9, 9, 255), {"color": "transparent"}),
        ((255, 0, 0), (0, 0, 0), {"color": "red"}),
        ((18, 52, 86), (255, 255, 255), {"color": "#123456"}),
    ],
)
def test_the_hole_is_what_was_drawn(find, hole, inside, outside, rule):
    np.testing.assert_array_equal(find(drawn(hole, inside, outside), **rule), hole)


def test_grey_levels_of_a_jpeg_do_not_matter(find, hole):
    found = find(drawn(hole, 255, 0), "mask.jpg")
    np.testing.assert_array_equal(found, hole)


def test_16_bit_and_1_bit_masks(find, hole):
    np.testing.assert_array_equal(find(hole.astype(np.uint16) * 65535), hole)
    np.testing.assert_array_equal(find(hole), hole)


def test_the_wrong_way_round_is_told_and_strictly_refused(find, hole, messages):
    inverted = drawn(hole, 0, 255)
    np.testing.assert_array_equal(find(inverted), ~hole)
    assert "the hole covers 83% of it" in messages.text
    assert "--mask_polarity black" in messages.text
    with pytest.raises(DataError, match="83%.*strict"):
        find(inverted, strict=True)
    messages.clear()
    find(inverted, polarity="white", strict=True)  # who says so means it
    assert not messages.records


def test_a_photo_in_place_of_a_mask_is_told_and_strictly_refused(find, colors, messages):
    find(colors[..., :3])
    assert "neither black nor white" in messages.text
    with pytest.raises(DataError, match="neither black nor white"):
        find(colors[..., :3], strict=True)


def test_soft_edges_are_no_reason_to_complain(find, hole, messages):
    soft = cv2.GaussianBlur(drawn(hole, 255, 0), (3, 3), 0)
    np.testing.assert_array_equal(find(soft, strict=True), hole)
    assert not messages.records


def test_another_size_is_resized_and_told_or_refused(find, hole, messages):
    small = drawn(hole, 255, 0)[::2, ::2]
    np.testing.assert_array_equal(find(small), hole)
    assert "mask is 28 x 20 pixels, the photo 56 x 40" in messages.text
    with pytest.raises(DataError, match="28 x 20.*strict"):
        find(small, strict=True)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_mask_of_a_turned_photo_fits_as_drawn(find, colors, hole, orientation, messages):
    turned = Photo(colors[..., :3], "JPEG", orientation)
    on_display = drawn(hole, 255, 0)
    np.testing.assert_array_equal(find(on_display, of=turned, strict=True), hole)
    if orientation >= 5:  # drawn by a program that does not turn
        stored = as_stored(on_display, orientation)
        np.testing.assert_array_equal(find(stored, of=turned, strict=True), hole)
        assert "rotated as the photo's EXIF says" in messages.text


def test_no_hole_and_a_full_one_are_refused(find, hole):
    with pytest.raises(NoHole, match="no hole: the mask is 0 everywhere"):
        find(drawn(hole, 0, 0))
    with pytest.raises(DataError, match="the hole covers the whole photo"):
        find(drawn(hole, 255, 255))
    with pytest.raises(DataError, match="the hole covers the whole photo"):
        find(drawn(hole, 255, 0), dilate=99)


@pytest.mark.parametrize(
    ("inside", "outside", "rule", "words"),
    [
        (1, 0, {}, "levels are 0 and 1, .*use 255 for it.*#010101"),
        ((255, 0, 0), (0, 0, 0), {}, "levels are 0 and 76, .*--hole_color .#ff0000"),
        ((0, 0, 0, 255), (0, 0, 0, 0), {}, "in its transparency.*--mask_polarity black"),
        (255, 255, {"polarity": "black"}, "nothing in it is black"),
    ],
)
def test_a_mask_that_means_a_hole_without_one_says_what_to_write(
    find, hole, inside, outside, rule, words
):
    with pytest.raises(NoHole, match=words):
        find(drawn(hole, inside, outside), **rule)


def test_thin_strokes_are_told(find, messages):
    mask = np.zeros((40, 56), np.uint8)
    mask[5:12, 5:50] = mask[20:30, 5:20] = 255
    find(mask)
    assert "1 of 2 holes are thinner than 8 pixels" in messages.text
    messages.clear()
    find(mask, dilate=1)
    assert not messages.records


@pytest.mark.parametrize("radius", [4, 7, 26])
def test_dilation_reaches_as_far_as_asked(radius):
    hole = np.zeros((61, 61), bool)
    hole[30, 30] = True
    rows, columns = np.indices(hole.shape) - 30
    np.testing.assert_array_equal(dilated(hole, radius), np.hypot(rows, columns) <= radius)
    assert dilated(hole, 0) is hole
    assert not dilated(np.zeros_like(hole), 3).any()


def test_a_colour_in_the_photo_is_the_hole_but_not_its_highlights(colors, hole, tmp_path, messages):
    painted = np.minimum(colors[..., :3], 250)
    painted[hole] = 255
    painted[30:33, 5:8] = 255
    path = tmp_path / "photo.png"
    found = find_hole(Photo(painted, "PNG"), path, None, HoleRule(color="white"))
    np.testing.assert_array_equal(found, hole)
    assert "1 spots" in messages.text


def test_a_colour_in_a_jpeg_is_found_all_the_same(hole, tmp_path):
    path = tmp_path / "photo.jpg"
    Image.fromarray(drawn(hole, (255, 0, 255), (40, 90, 60))).save(path, quality=90, subsampling=0)
    found = find_hole(read_photo(path), path, None, HoleRule(color="magenta"))
    assert (found == hole).mean() > 0.99


def test_transparent_parts_of_the_photo_are_the_hole(colors, hole, tmp_path):
    photo = Photo(np.dstack([colors[..., :3], drawn(hole, 0, 255)]), "PNG")
    rule = HoleRule(color="transparent")
    np.testing.assert_array_equal(find_hole(photo, tmp_path / "a.png", None, rule), hole)
    opaque = photo.opaque_in(hole)
    assert (opaque.alpha == 255).all() and (photo.alpha[hole] == 0).all()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"color": "blurple"}, "name such as white.*blurple"),
        ({"polarity": "grey"}, "white or black.*grey"),
        ({"color": "white", "polarity": "white"}, "not both"),
        ({"dilate": -1}, "--dilate"),
    ],
)
def test_unusable_rules_are_refused(rule, words):
    with pytest.raises(DataError, match=words):
        HoleRule(**rule)


def test_without_transparency_nothing_can_be_transparent(find, hole):
    with pytest.raises(DataError, match="has no transparency"):
        find(drawn(hole, 255, 0), color="transparent")
