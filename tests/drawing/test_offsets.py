# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from ppdeepfill.drawing.offsets import color_offsets, color_wheel


def test_wheel_runs_through_the_six_colours():
    wheel = color_wheel()
    assert wheel.shape == (55, 3)
    assert wheel[[0, 15, 21, 25, 36, 49]].tolist() == [
        [255, 0, 0],
        [255, 255, 0],
        [0, 255, 0],
        [0, 255, 255],
        [0, 0, 255],
        [255, 0, 255],
    ]
    steps = np.abs(np.diff(np.concatenate([wheel, wheel[:1]]), axis=0))
    assert (steps > 0).sum(axis=1).max() == 1  # one primary colour changes at a time
    assert steps.max() <= np.ceil(255 / 4)


def test_no_offset_is_white_and_the_longest_is_saturated():
    offsets = np.zeros([2, 1, 4], int)
    offsets[0] = [[0, 1, 2, 4]]
    colors = color_offsets(offsets)[0]
    assert colors[0].tolist() == [255, 255, 255]
    lowest = colors.min(axis=-1)
    assert lowest[3] == 0
    assert (np.diff(lowest.astype(int)) < 0).all()


def test_saturation_is_relative_to_the_given_radius():
    offsets = np.zeros([2, 1, 1], int)
    offsets[1] = 3
    assert (color_offsets(offsets) == color_offsets(2 * offsets)).all()
    half = color_offsets(offsets, max_radius=6.0).astype(int)
    assert np.abs(255 - half - (255 - color_offsets(offsets).astype(int)) / 2).max() <= 1


def test_opposite_directions_have_opposite_hues():
    offsets = np.array([[[5, -5]], [[0, 0]]])
    red, cyan = color_offsets(offsets)[0].astype(int)
    assert red[0] == 255
    assert cyan[0] < 64


def test_colours_are_those_of_the_authors(golden_dir):
    arrays = np.load(golden_dir / "tensorflow" / "ops_tf.npz")
    offsets = arrays["flow_to_image.offset_rel"].transpose(0, 3, 1, 2)
    expected = (arrays["flow_to_image.out"] + 1) * 127.5
    compare_colours(offsets, expected)


def test_colours_of_attention_are_those_of_the_authors(golden_dir):
    arrays = np.load(golden_dir / "tensorflow" / "contextual_attention_tf.npz")
    cases = [key.removesuffix(".flow") for key in arrays.files if key.endswith(".flow")]
    assert len(cases) > 10
    for case in cases:
        offsets = arrays[f"{case}.offset_rel"].transpose(0, 3, 1, 2)
        expected = (arrays[f"{case}.flow"] + 1) * 127.5
        factor = expected.shape[1] // offsets.shape[2]  # the authors enlarge the picture
        compare_colours(offsets, expected[:, ::factor, ::factor])


def compare_colours(offsets, expected):
    """The authors divide by the largest radius of the samples so far."""
    radius = 0.0
    for sample, colors in zip(offsets, expected, strict=True):
        radius = max(radius, np.hypot(*sample).max())
        ours = color_offsets(sample, max_radius=radius)
        difference = np.abs(ours - colors)
        # Both cut fractions off, so the last bit of a product may move a value by one level.
        assert difference.max() < 1.001
        assert (difference > 1e-4).mean() < 0.005


@pytest.mark.parametrize("offsets", [np.zeros([2, 3, 3], int), np.full([2, 3, 3], 7)])
def test_uniform_maps_have_one_colour(offsets):
    assert len(np.unique(color_offsets(offsets).reshape(-1, 3), axis=0)) == 1
