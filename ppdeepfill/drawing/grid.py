# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Arrange pictures side by side, RGB uint8 [H, W, 3]."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy import ndarray

GAP = 4  # white pixels between two pictures of a grid


def comparison_grid(rows: Sequence[Sequence[ndarray]]) -> ndarray:
    """Put pictures side by side, one sample per row.

    Args:
        rows: pictures [h, w, 3], the same number in each row; all are resized to the size of the
            first, without smoothing, so that the cells of an offset map stay visible.

    Returns:
        [rows, 3] picture with white gaps.
    """
    height, width = rows[0][0].shape[:2]
    frame = ((0, GAP), (0, GAP), (0, 0))
    strips = [
        np.concatenate([np.pad(_fit(p, width, height), frame, constant_values=255) for p in row], 1)
        for row in rows
    ]
    return np.concatenate(strips, axis=0)[:-GAP, :-GAP]


def _fit(picture: ndarray, width: int, height: int) -> ndarray:
    if picture.shape[:2] == (height, width):
        return picture
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_NEAREST)
