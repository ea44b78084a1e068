# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The window of a graph, whose operators run here one by one, is the one found outside graphs."""

import numpy as np
import paddle
import pytest

from ppdeepfill.networks.kernels.window_in_graph import PARTS, between, window_around_holes
from ppdeepfill.networks.kernels.windows import windows_around_holes

HEIGHT, WIDTH = 64, 96
HOLES = {
    "inside": (20, 31, 33, 40),
    "one pixel": (21, 50, 22, 51),
    "first corner": (0, 0, 3, 9),
    "last corner": (62, 90, 64, 96),
    "a row": (40, 0, 41, 96),
    "everywhere": (0, 0, 64, 96),
    "nowhere": (0, 0, 0, 0),
}


def mask_of(*holes: str) -> paddle.Tensor:
    mask = np.zeros((len(holes), 1, HEIGHT, WIDTH), np.float32)
    for sample, (top, left, bottom, right) in zip(mask, map(HOLES.get, holes), strict=True):
        sample[:, top:bottom, left:right] = 1.0
    return paddle.to_tensor(mask)


def bounds(window) -> list[tuple[int, int]]:
    return [(int(span.start), int(span.stop)) for span in window]


@pytest.mark.parametrize("margin", [0, 3, 40])
@pytest.mark.parametrize("name", [name for name in HOLES if name != "nowhere"])
def test_a_window_holds_that_of_the_hole_outside_graphs(name, margin):
    mask = mask_of(name)
    ours = window_around_holes(mask, scale=4, margin=margin)
    expected = windows_around_holes(mask, scale=4, margin=margin)
    for (start, stop), first, size in zip(
        bounds(ours), expected.corners[0], expected.size, strict=True
    ):
        assert start <= first and first + size <= stop


@pytest.mark.parametrize("size", [(64, 96), (40, 104), (8, 8)])
def test_windows_have_few_sizes(size, rng):
    sizes = set()
    for _ in range(60):
        mask = np.zeros((1, 1, *size), np.float32)
        corner = rng.integers(0, size)
        mask[:, :, corner[0] : corner[0] + rng.integers(1, 60), corner[1] :] = 1.0
        window = window_around_holes(paddle.to_tensor(mask), scale=4, margin=1)
        for (start, stop), side in zip(bounds(window), size, strict=True):
            assert 0 <= start < stop <= side // 4
        sizes.add(tuple(map(int, window.size)))
    assert len(sizes) <= PARTS**2


@pytest.mark.parametrize("other", ["inside", "first corner", "last corner", "nowhere"])
def test_a_batch_has_one_window_around_all_holes(other):
    together = window_around_holes(mask_of("one pixel", other), scale=4, margin=2)
    union = paddle.maximum(mask_of("one pixel"), mask_of(other))
    assert bounds(together) == bounds(window_around_holes(union, scale=4, margin=2))


def test_without_holes_a_window_is_small():
    window = window_around_holes(mask_of("nowhere"), scale=4, margin=2)
    assert bounds(window) == [(0, 1), (0, 1)]


@pytest.mark.parametrize("margins", [(0, 1), (1, 5), (4, 38)])
@pytest.mark.parametrize("size", [(64, 96), (264, 480), (40, 104)])
def test_a_window_can_lie_within_one_with_a_larger_margin(size, margins, rng):
    """Also where both sizes are rounded up by different numbers."""
    x = paddle.to_tensor(rng.standard_normal((1, 2, *(side // 4 for side in size))), "float32")
    for _ in range(30):
        mask = np.zeros((1, 1, *size), np.float32)
        top, left = (int(rng.integers(side)) for side in size)
        bottom, right = (
            int(rng.integers(start + 1, side + 1))
            for start, side in zip((top, left), size, strict=True)
        )
        mask[:, :, top:bottom, left:right] = 1.0
        inner, outer = (
            window_around_holes(paddle.to_tensor(mask), scale=4, margin=margin)
            for margin in margins
        )
        inner = inner.moved_into(outer)
        part = inner.within(outer).of(outer.of(x))
        np.testing.assert_array_equal(part.numpy(), inner.of(x).numpy())
        for span, side, start, stop in zip(inner, size, (top, left), (bottom, right), strict=True):
            assert int(span.start) <= max(start // 4 - margins[0], 0)
            assert int(span.stop) >= min(-(-stop // 4) + margins[0], side // 4)


@pytest.mark.parametrize("name", HOLES)
def test_what_is_cut_out_can_be_put_back(name, rng):
    x = paddle.to_tensor(rng.standard_normal((2, 3, HEIGHT, WIDTH)), "float32")
    window = window_around_holes(mask_of(name, name), scale=4, margin=1)
    cut = window.enlarged(4).of(x)
    back = window.put_back(cut, (HEIGHT, WIDTH), 4)
    assert back.shape == x.shape
    np.testing.assert_array_equal(window.enlarged(4).of(back).numpy(), cut.numpy())


def test_numbers_are_bounded():
    x = paddle.arange(-2, 6)
    assert between(0, x, 3).tolist() == [0, 0, 0, 1, 2, 3, 3, 3]
    assert between(2, x, 1).tolist() == [1] * 8
