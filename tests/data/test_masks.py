# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace

import numpy as np
import pytest

from ppdeepfill.data.masks import (
    Bbox,
    center_mask,
    draw_mask,
    free_form_mask,
    height_and_width,
    rectangle_mask,
)

DRAWS = 4000


def hole_of(mask):
    """The bounding box of a hole."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Bbox(int(rows[0]), int(columns[0]), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1)


def rectangles(image_size, size, max_shrink):
    rng = np.random.default_rng(1)
    return [rectangle_mask(image_size, size, max_shrink=max_shrink, rng=rng) for _ in range(DRAWS)]


def test_rectangle_positions_follow_the_authors_exclusive_bound():
    bboxes = np.array([bbox for _, bbox in rectangles((30, 42), (16, 16), 0)])
    # 14 and 26 rows and columns to move: the last place is never drawn, all others are
    assert set(bboxes[:, 0]) == set(range(14))
    assert set(bboxes[:, 1]) == set(range(26))
    counts = np.bincount(bboxes[:, 0])
    assert np.abs(counts - DRAWS / 14).max() < 5 * np.sqrt(DRAWS / 14)  # 5 standard deviations
    assert abs(np.corrcoef(bboxes[:, 0], bboxes[:, 1])[0, 1]) < 0.08


def test_rectangles_shrink_evenly_on_both_sides_of_an_unshrunk_bbox():
    shrinks = set()
    for mask, bbox in rectangles((30, 42), (16, 18), 9):
        hole = hole_of(mask)
        assert (bbox.height, bbox.width) == (16, 18)
        assert mask.sum() == hole.height * hole.width  # no gap inside
        dy, dx = hole.top - bbox.top, hole.left - bbox.left
        assert (hole.height, hole.width) == (16 - 2 * dy, 18 - 2 * dx)
        shrinks.add((dy, dx))
    assert shrinks == {(dy, dx) for dy in range(5) for dx in range(5)}  # 9 // 2 = 4 is reached


def test_the_papers_rectangle_is_96_to_128_px_and_even():
    sides = set()
    for mask, bbox in rectangles((256, 256), (128, 128), 32)[:500]:
        assert 0 <= min(bbox.top, bbox.left) and max(bbox.top, bbox.left) <= 127
        sides |= {hole_of(mask).height, hole_of(mask).width}
    assert sides == set(range(96, 129, 2))


def test_a_rectangle_as_large_as_the_image_stands_at_its_corner():
    for mask, bbox in rectangles((16, 40), (16, 40), 0)[:5]:
        assert bbox == (0, 0, 16, 40) and mask.all()


@pytest.mark.parametrize(("size", "max_shrink"), [((64, 8), 8), ((8, 8), 9), ((8, 8), 40)])
def test_a_shrink_that_could_close_the_hole_is_refused(size, max_shrink):
    with pytest.raises(ValueError, match="max_shrink must be smaller than mask.size"):
        rectangle_mask((64, 64), size, max_shrink=max_shrink, rng=np.random.default_rng(0))


@pytest.mark.parametrize("size", [(33, 8), (8, 33), (0, 8)])
@pytest.mark.parametrize("kind", ["rectangle", "center", "free_form", "mixed"])
def test_a_hole_that_does_not_fit_is_refused(kind, size):
    settings = SimpleNamespace(kind=kind, size=size, max_shrink=0)
    with pytest.raises(ValueError, match=r"between 1 and data\.image_size \[32, 32\]"):
        draw_mask(settings, (32, 32), np.random.default_rng(0))


def test_the_centred_hole_is_the_bbox_and_symmetric():
    mask, bbox = center_mask((32, 48), (16, 20))
    assert bbox == hole_of(mask) == (8, 14, 16, 20)
    np.testing.assert_array_equal(mask, mask[::-1, ::-1])


@pytest.mark.parametrize("image_size", [(64, 64), (48, 96), (256, 256), (8, 8)])
def test_free_form_holes_are_there_and_their_bbox_lies_inside(image_size):
    rng = np.random.default_rng(2)
    size = (image_size[0] // 2, image_size[1] // 2)
    areas = []
    for _ in range(100):
        mask, (top, left, height, width) = free_form_mask(image_size, size, rng=rng)
        assert (
            mask.shape == image_size and mask.dtype == np.uint8 and set(np.unique(mask)) <= {0, 1}
        )
        assert (height, width) == size
        assert 0 <= top <= image_size[0] - height and 0 <= left <= image_size[1] - width
        areas.append(mask.mean())
    assert min(areas) > 0 and max(areas) < 1
    assert 0.05 < np.mean(areas) < 0.5


def test_the_free_form_bbox_follows_the_strokes():
    rng = np.random.default_rng(3)
    for _ in range(50):
        mask, (top, left, height, width) = free_form_mask((64, 64), (32, 32), rng=rng)
        middle = np.argwhere(mask).mean(axis=0)
        expected = np.clip(middle - 16, 0, 32)
        assert np.abs(np.subtract((top, left), expected)).max() <= 0.5
        assert mask[top : top + height, left : left + width].any()


@pytest.mark.parametrize("kind", ["rectangle", "center", "free_form", "mixed"])
def test_masks_depend_on_the_generator_alone(kind):
    settings = SimpleNamespace(kind=kind, size=[16, 24], max_shrink=8)
    first, again, other = (
        draw_mask(settings, (48, 64), np.random.default_rng(seed)) for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(first[0], again[0])
    assert first[1] == again[1]
    assert (kind == "center") == np.array_equal(first[0], other[0])


def test_mixed_masks_are_rectangles_and_strokes_half_each():
    settings = SimpleNamespace(kind="mixed", size=32, max_shrink=8)
    rng, rectangles = np.random.default_rng(0), 0
    for _ in range(400):
        mask, (top, left, height, width) = draw_mask(settings, (64, 64), rng)
        assert (height, width) == (32, 32)  # one size, so that the regions make a batch
        rows, columns = np.nonzero(mask)
        area = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        inside = mask[top : top + height, left : left + width].sum() == mask.sum()
        rectangles += bool(mask.sum() == area and inside)
    assert 160 < rectangles < 240


def test_an_unknown_kind_lists_the_known_ones():
    settings = SimpleNamespace(kind="circle", size=8, max_shrink=0)
    with pytest.raises(ValueError, match="rectangle, center, free_form, mixed; got 'circle'"):
        draw_mask(settings, (32, 32), np.random.default_rng(0))


def test_a_size_is_a_side_or_height_and_width():
    assert height_and_width(128) == (128, 128)
    assert height_and_width([96, 128]) == (96, 128)
