# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Poisson blending of what a network predicts."""

import numpy as np
import pytest

from ppdeepfill.inference.blending import poisson_blended


@pytest.fixture
def image() -> np.ndarray:
    """Smooth: every pixel tells where it is."""
    rows, columns = np.mgrid[:48, :64]
    return np.stack([60 + rows, 60 + columns, 200 - rows], axis=-1).astype(np.uint8)


HOLES = {
    "inside": np.s_[12:30, 20:44],
    "thin": np.s_[20:22, 10:50],
    "single pixel": np.s_[20:21, 20:21],
    "corner": np.s_[:16, 48:],
    "whole width": np.s_[20:30, :],
}


@pytest.mark.parametrize("name", HOLES)
def test_a_wrong_colour_is_put_right(image, name):
    hole = np.zeros(image.shape[:2], bool)
    hole[HOLES[name]] = True
    refined = image + np.uint8(40)  # the right structure, too bright everywhere
    blended = poisson_blended(refined, image, hole)
    away = np.abs(blended[hole].astype(int) - image[hole])
    assert away.mean() < 6.0


@pytest.mark.parametrize("name", HOLES)
def test_what_the_hole_hides_does_not_matter(image, name):
    hole = np.zeros(image.shape[:2], bool)
    hole[HOLES[name]] = True
    scribbled = np.where(hole[..., None], np.uint8(255), image)
    first, second = (poisson_blended(image, x, hole) for x in (image, scribbled))
    np.testing.assert_array_equal(first[hole], second[hole])


def test_structure_survives(image, rng):
    """The network's stripes are in the hole afterwards, at another brightness."""
    hole = np.zeros(image.shape[:2], bool)
    hole[12:36, 16:48] = True
    stripes = np.where(np.arange(64) % 8 < 4, 30, -30)[None, :, None]
    refined = np.clip(image.astype(int) + stripes + 20, 0, 255).astype(np.uint8)
    blended = poisson_blended(refined, image, hole).astype(int)
    inner = np.s_[16:32, 20:44]
    ours, theirs = (np.diff(x.astype(int)[inner], axis=1) for x in (blended, refined))
    assert np.abs(ours - theirs).mean() < 2.0


def test_without_surroundings_nothing_is_blended(image):
    for hole in (np.ones(image.shape[:2], bool), np.zeros(image.shape[:2], bool)):
        np.testing.assert_array_equal(poisson_blended(image, image, hole), image)
