# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import cv2
import numpy as np
import pytest

from ppdeepfill.inference.baselines import (
    BASELINES,
    BaselineInpainter,
    mean_fill,
    navier_stokes,
    patchmatch,
    telea,
)
from ppdeepfill.inference.strategies import Strategy, fill


@pytest.fixture
def photo(rng):
    coarse = rng.integers(0, 256, [5, 6, 3], dtype=np.uint8)
    return cv2.resize(coarse, (45, 37), interpolation=cv2.INTER_CUBIC)


def mask_of(image, value=255):
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[10:20, 12:30] = value
    return mask


@pytest.mark.parametrize("method", BASELINES.values(), ids=BASELINES)
def test_known_pixels_stay_and_the_input_too(method, photo):
    mask, before = mask_of(photo), photo.copy()
    completed = method(photo, mask)
    assert completed.dtype == np.uint8
    assert (completed[mask == 0] == photo[mask == 0]).all()
    assert (completed[mask > 0] != photo[mask > 0]).any()
    assert (photo == before).all()


@pytest.mark.parametrize("method", BASELINES.values(), ids=BASELINES)
def test_what_the_hole_held_does_not_matter(method, photo):
    mask, other = mask_of(photo), photo.copy()
    other[mask > 0] = 77
    assert (method(photo, mask) == method(other, mask)).all()


@pytest.mark.parametrize("method", BASELINES.values(), ids=BASELINES)
def test_above_127_is_hole(method, photo):
    assert (method(photo, mask_of(photo, 128)) == method(photo, mask_of(photo, 255))).all()
    assert (method(photo, mask_of(photo, 127)) == photo).all()


def test_mean_fill_is_the_mean_of_the_known_region():
    image = np.zeros([4, 4, 3], np.uint8)
    image[:2] = [10, 20, 31]
    mask = np.zeros([4, 4], np.uint8)
    mask[3] = 255
    image[3] = 200
    # Twelve known pixels, eight of them coloured.
    assert mean_fill(image, mask)[3].tolist() == [[7, 13, 21]] * 4


def test_mean_fill_of_nothing_known_is_grey(photo):
    assert set(mean_fill(photo, np.full(photo.shape[:2], 255, np.uint8)).ravel()) == {128}


@pytest.mark.parametrize("method", [telea, navier_stokes])
def test_what_goes_inwards_continues_a_slope(method):
    slope = np.repeat(np.arange(0, 180, 4, dtype=np.uint8)[None, :, None], 37, 0).repeat(3, 2)
    mask = mask_of(slope)
    error = np.abs(method(slope, mask).astype(int) - slope)[mask > 0]
    assert error.mean() < np.abs(mean_fill(slope, mask).astype(int) - slope)[mask > 0].mean() / 3


def test_patches_continue_a_texture():
    stripes = np.repeat(np.tile([20, 20, 20, 230, 230, 230], 16).astype(np.uint8)[None], 96, 0)
    stripes = stripes[..., None].repeat(3, 2)
    mask = np.zeros([96, 96], np.uint8)
    mask[30:60, 36:60] = 255
    error = np.abs(patchmatch(stripes, mask).astype(int) - stripes)[mask > 0].mean()
    assert error < 5 < np.abs(mean_fill(stripes, mask).astype(int) - stripes)[mask > 0].mean()


def test_patchmatch_gives_the_same_twice(photo):
    mask = mask_of(photo)
    assert (patchmatch(photo, mask) == patchmatch(photo, mask)).all()


def test_patchmatch_without_a_whole_known_patch_is_the_mean(photo):
    mask = np.full(photo.shape[:2], 255, np.uint8)
    mask[::3] = 0
    assert (patchmatch(photo, mask) == mean_fill(photo, mask)).all()


@pytest.mark.parametrize("strokes", ["one pixel", "scratch"])
def test_patchmatch_fills_holes_that_vanish_when_the_image_is_halved(photo, strokes):
    image = cv2.resize(photo, (128, 128))
    mask = np.zeros([128, 128], np.uint8)
    if strokes == "one pixel":
        mask[70, 31] = 255
    else:
        cv2.line(mask, (4, 9), (120, 101), 255, 1)
    completed = patchmatch(image, mask)
    assert (completed[mask == 0] == image[mask == 0]).all()
    hole = mask > 0
    error, of_mean = (
        np.abs(filled.astype(int) - image)[hole].mean()
        for filled in (completed, mean_fill(image, mask))
    )
    assert error < of_mean / 3


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_takes_the_place_of_a_network(name, rng):
    image = rng.integers(0, 256, (40, 48, 3), np.uint8)
    hole = np.zeros((40, 48), bool)
    hole[10:20, 8:30] = True
    filled = fill(BaselineInpainter(name), image, hole, Strategy()).image
    np.testing.assert_array_equal(filled, BASELINES[name](image, np.uint8(hole) * 255))
