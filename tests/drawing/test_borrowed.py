# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Pictures of where the attention looked."""

import numpy as np

from ppdeepfill.drawing import borrowed as attention_pictures
from ppdeepfill.drawing.borrowed import draw_borrowed, draw_offsets
from ppdeepfill.drawing.offsets import color_offsets


def example(rng):
    """A photo, its hole, and offsets that lead 30 px to the left."""
    image = rng.integers(0, 256, (64, 80, 3), dtype=np.uint8)
    hole = np.zeros((64, 80), bool)
    hole[20:40, 40:60] = True
    offsets = np.zeros((2, 64, 80), np.int32)
    offsets[1, hole] = -30
    return image, hole, offsets


def test_offsets_are_coloured_in_the_hole_alone(rng):
    image, hole, offsets = example(rng)
    picture = draw_offsets(image, hole, offsets)
    expected = color_offsets(np.array([[[0]], [[-30]]]))[0, 0]
    assert (picture[hole] == expected).all()
    assert (np.ptp(picture[~hole].astype(int), axis=1) == 0).all()  # grey


def test_a_source_has_the_colour_of_what_it_fills(rng, monkeypatch):
    monkeypatch.setattr(attention_pictures, "ARROWS", 1)  # which would hide some
    image, hole, offsets = example(rng)
    image[:] = 128
    picture = draw_borrowed(image, hole, offsets).astype(int)
    there, source = picture[21:39, 41:59], picture[21:39, 11:29]
    assert (np.abs(there - source).max(axis=2) <= 1).mean() > 0.6
    assert (np.ptp(there, axis=2) > 60).mean() > 0.8
    assert (np.ptp(picture[50:], axis=2) == 0).all()


def test_no_way_draws_no_arrow(rng):
    image, hole, offsets = example(rng)
    nowhere = np.zeros_like(offsets)
    assert (draw_offsets(image, hole, nowhere)[hole] == 255).all()
    picture = draw_borrowed(image, hole, nowhere)
    assert (np.ptp(picture[~hole].astype(int), axis=1) == 0).all()
