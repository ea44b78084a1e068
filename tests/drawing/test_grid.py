# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import numpy as np

from ppdeepfill.drawing.grid import GAP, comparison_grid


def test_grid_shows_every_picture_at_one_size(rng):
    large = rng.integers(0, 256, [8, 12, 3], dtype=np.uint8)
    small = rng.integers(0, 256, [4, 6, 3], dtype=np.uint8)
    grid = comparison_grid([[large, small], [large + 1, small + 1]])
    assert grid.shape == (8 * 2 + GAP, 12 * 2 + GAP, 3)
    assert (grid[:8, :12] == large).all()
    assert (grid[8 + GAP :, :12] == large + 1).all()
    assert (grid[:8, 12 + GAP :] == small.repeat(2, 0).repeat(2, 1)).all()
    assert (grid[8 : 8 + GAP] == 255).all()
