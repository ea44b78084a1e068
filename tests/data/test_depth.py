# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from ppdeepfill.data.depth import depth_inside


def square(size):
    region = np.zeros((size, size), bool)
    region[size // 4 : -size // 4, size // 8 : -size // 4] = True
    return region


# OpenCV has other code for small images, and rounds differently at different addresses there.
@pytest.mark.parametrize("size", [9, 64, 300])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
def test_depth_is_the_true_distance_wherever_memory_lies(rng, size, dtype):
    for region in (square(size), rng.random((size, size)) < 0.98):
        true = distance_transform_edt(region).astype(np.float32)
        kept = []
        for _ in range(20):
            depth = depth_inside(region.astype(dtype))
            np.testing.assert_array_equal(depth, true)
            kept += [depth, bytes(rng.integers(1, 9000))]  # the next result lies elsewhere


def test_distances_of_a_thousand_pixels_are_exact():
    region = np.ones((710, 710), bool)
    region[0, 0] = False
    true = distance_transform_edt(region).astype(np.float32)
    assert true.max() > 1000
    np.testing.assert_array_equal(depth_inside(region), true)


def test_a_region_without_an_outside_is_deep_everywhere():
    depth = depth_inside(np.ones((20, 30), np.uint8))
    assert depth.dtype == np.float32
    assert np.isfinite(depth).all()
    assert depth.min() > 1e6
