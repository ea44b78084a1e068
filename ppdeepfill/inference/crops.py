# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Choose the crops of a large photo that the network sees, and the holes that each one fills.

Letters: H W photo, h w crop, N connected holes. Boxes are rows of top, left, bottom, right.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy import ndarray


class Crop(NamedTuple):
    """A part of a photo.

    Attributes:
        place: rows and columns.
        own: bool [h, w], the pixels of the hole that this crop fills.
    """

    place: tuple[slice, slice]
    own: ndarray


def whole_photo(hole: ndarray) -> list[Crop]:
    """One crop for the whole hole, bool [H, W]."""
    return [Crop((slice(0, hole.shape[0]), slice(0, hole.shape[1])), hole)]


def around_holes(hole: ndarray, *, margin: int, limit: int, multiple: int) -> list[Crop]:
    """Return a crop around each connected hole.

    Holes whose crops touch share one, as long as it stays within the limit, because another hole
    is of no help as surroundings. A crop may contain holes that it does not fill; the network
    sees these as holes too.

    Args:
        hole: bool [H, W].
        margin: px of surroundings on each side.
        limit: longest side of a shared crop.
        multiple: sides are made multiples of it for the network, if the photo has room.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(hole.astype(np.uint8))
    boxes = _boxes(stats[1:], margin, hole.shape)  # label 0 is the known region
    groups = np.arange(len(boxes))
    joined = -1
    while joined:  # a crop that has grown may now touch another one
        group_of_box = _group_touching(boxes, limit)
        joined = len(boxes) - len(np.unique(group_of_box))
        groups = group_of_box[groups]
        boxes = _box_around_each_group(boxes, group_of_box)
    crops = []
    for group, box in enumerate(boxes):
        place = _rows_and_columns(box, hole.shape, multiple)
        is_own = np.append(False, groups == group)  # indexed by label
        crops.append(Crop(place, is_own[labels[place]]))
    return crops


def _boxes(stats: ndarray, margin: int, size: tuple[int, int]) -> ndarray:
    """Boxes [N, 4] of connected holes with their margin, clipped to the photo."""
    left, top, width, height = stats[:, :4].T
    boxes = np.stack([top, left, top + height, left + width], axis=1)
    boxes += np.array([-margin, -margin, margin, margin], boxes.dtype)
    return boxes.clip(0, [*size, *size])


def _group_touching(boxes: ndarray, limit: int) -> ndarray:
    """The group of each box, [N]: each box in turn joins the first group that it fits."""
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


def _box_around_each_group(boxes: ndarray, groups: ndarray) -> ndarray:
    """[groups, 4]."""
    members = (boxes[groups == group] for group in range(groups.max(initial=-1) + 1))
    joined = [[*m[:, :2].min(axis=0), *m[:, 2:].max(axis=0)] for m in members]
    return np.array(joined, boxes.dtype).reshape(-1, 4)


def _rows_and_columns(box: ndarray, size: tuple[int, int], multiple: int) -> tuple[slice, slice]:
    """Slices of a box, enlarged to multiples of `multiple` if the photo has room."""
    slices = []
    for begin, end, available in zip(box[:2].tolist(), box[2:].tolist(), size, strict=True):
        length = min(end - begin + -(end - begin) % multiple, available)
        begin = min(begin, available - length)
        slices.append(slice(begin, begin + length))
    return tuple(slices)
