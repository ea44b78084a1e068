# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Arrange pictures side by side, RGB uint8 [H, W, 3]."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy import ndarray
from PIL import Image, ImageDraw, ImageFont

GAP = 4  # white pixels between two pictures of a grid
READABLE = 128  # pixels of a column with a title, at least
LETTERS = 14, 7  # height of titles in pixels: as it should be, and where a long one needs it


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


def titled_grid(titles: Sequence[str], rows: Sequence[Sequence[ndarray]]) -> ndarray:
    """`comparison_grid` with a title above each column; small pictures are enlarged.

    Args:
        titles: one for each column.
        rows: pictures [h, w, 3], as many in each row as there are titles.
    """
    height, width = rows[0][0].shape[:2]
    times = -(-READABLE // width)
    enlarged = [[_fit(picture, times * width, times * height) for picture in row] for row in rows]
    headings = [_heading(title, times * width) for title in titles]
    pad = ((0, 0), (0, GAP), (0, 0))
    strips = [np.pad(heading, pad, constant_values=255) for heading in headings]
    heading = np.concatenate(strips, axis=1)[:, :-GAP]
    return np.concatenate([heading, comparison_grid(enlarged)], axis=0)


def _heading(title: str, width: int) -> ndarray:
    """A title in black on white, uint8 [h, width, 3]; what is too long is cut."""
    large, small = LETTERS
    picture = Image.new("RGB", (width, large + 2 * GAP), "white")
    draw = ImageDraw.Draw(picture)
    for size in range(large, small - 1, -1):
        font = ImageFont.load_default(size)
        if draw.textlength(title, font) <= width:
            break
    draw.text((0, GAP), title, fill="black", font=font)
    return np.asarray(picture)


def _fit(picture: ndarray, width: int, height: int) -> ndarray:
    if picture.shape[:2] == (height, width):
        return picture
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_NEAREST)
