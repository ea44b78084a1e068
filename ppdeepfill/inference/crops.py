# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Which part of a large photo a network looks at to fill which holes.

Letters: H W photo, h w window, N connected holes. Boxes are rows of top, left, bottom, right.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy import ndarray


class Window(NamedTuple):
    """A part of a photo.

    Attributes:
        place: rows and columns.
        own: bool [h, w], the pixels of the hole that this window is for.
    """

    place: tuple[slice, slice]
    own: ndarray


def whole_photo(hole: ndarray) -> list[Window]:
    """One window for all of the hole, bool [H, W]."""
    return [Window((slice(0, hole.shape[0]), slice(0, hole.shape[1])), hole)]


def around_holes(hole: ndarray, *, margin: int, limit: int, multiple: int) -> list[Window]:
    """A window around each connected hole.

    Holes share a window where their windows touch and it stays within the limit: what lies in
    another hole helps no one. Holes in a window that are not its own are holes there all the same.

    Args:
        hole: bool [H, W].
        margin: px of surroundings on each side.
        limit: longest side of a window that several holes share.
        multiple: of the sides, as the network needs them, where the photo has room.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(hole.astype(np.uint8))
    boxes = _boxes(stats[1:], margin, hole.shape)  # label 0 is what is known
    groups = np.arange(len(boxes))
    joined = -1
    while joined:  # a window that has grown may reach another one
        group_of_box = _grouped(boxes, limit)
        joined = len(boxes) - len(np.unique(group_of_box))
        groups = group_of_box[groups]
        boxes = _joined(boxes, group_of_box)
    windows = []
    for group, box in enumerate(boxes):
        place = _place(box, hole.shape, multiple)
        is_own = np.append(False, groups == group)  # by label
        windows.append(Window(place, is_own[labels[place]]))
    return windows


def _boxes(stats: ndarray, margin: int, size: tuple[int, int]) -> ndarray:
    """Boxes [N, 4] of connected holes with their margin, inside the photo."""
    left, top, width, height = stats[:, :4].T
    boxes = np.stack([top, left, top + height, left + width], axis=1)
    boxes += np.array([-margin, -margin, margin, margin], boxes.dtype)
    return boxes.clip(0, [*size, *size])


def _grouped(boxes: ndarray, limit: int) -> ndarray:
    """The group of each box, [N]: one after the other joins the first group that it fits."""
    joined = np.empty_like(boxes)
    groups = np.empty(len(boxes), int)
    count = 0
    for number, box in enumerate(boxes):
        begin = np.minimum(joined[:count, :2], box[:2])
        end = np.maximum(joined[:count, 2:], box[2:])
        touch = (joined[:count, :2] <= box[2:]) & (joined[:count, 2:] >= box[:2])
        fits = np.flatnonzero((touch & (end - begin <= limit)).all(axis=1))
        group = fits[0] if len(fits) else count
        joined[group] = [*begin[group], *end[group]] if len(fits) else box
        groups[number] = group
        count += group == count
    return groups


def _joined(boxes: ndarray, groups: ndarray) -> ndarray:
    """The box around each group of boxes, [groups, 4]."""
    members = (boxes[groups == group] for group in range(groups.max(initial=-1) + 1))
    joined = [[*m[:, :2].min(axis=0), *m[:, 2:].max(axis=0)] for m in members]
    return np.array(joined, boxes.dtype).reshape(-1, 4)


def _place(box: ndarray, size: tuple[int, int], multiple: int) -> tuple[slice, slice]:
    """Rows and columns of a box, its sides enlarged to need no padding where the photo has room."""
    slices = []
    for begin, end, available in zip(box[:2].tolist(), box[2:].tolist(), size, strict=True):
        length = min(end - begin + -(end - begin) % multiple, available)
        begin = min(begin, available - length)
        slices.append(slice(begin, begin + length))
    return tuple(slices)
