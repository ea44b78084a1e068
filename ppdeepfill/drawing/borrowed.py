# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Pictures of where the attention looked to fill the hole of a photo.

Letters: H W photo, N pixels of the hole. Holes are bool [H, W]; offsets are int [2, H, W], (dy, dx)
in px, as in `ppdeepfill.inference.strategies.Filling`. All pictures are RGB uint8 [H, W, 3].
"""

import cv2
import numpy as np
from numpy import ndarray

from ppdeepfill.drawing.offsets import color_offsets

PALE = 0.6  # how much the photo is blended with white, so that colours are visible
TINT = 0.75  # opacity of colours on the photo
ARROWS = 40  # about the number of arrows that the eye can follow in a picture


def draw_offsets(image: ndarray, hole: ndarray, offsets: ndarray) -> ndarray:
    """Draw the offset map in the hole, see `color_offsets`, on a pale photo."""
    picture = _pale(image)
    picture[hole] = color_offsets(offsets[:, hole][:, None])[0]
    return picture


def draw_borrowed(image: ndarray, hole: ndarray, offsets: ndarray) -> ndarray:
    """Draw where each part of the hole was borrowed from.

    A place in the hole and the place that the attention preferred for it have the same colour;
    arrows lead from some of the sources into the hole.
    """
    picture = _pale(image)
    there = np.argwhere(hole)  # [N, 2] rows and columns
    sources = there + offsets[:, hole].T
    colors = _by_place(there)
    for rows, columns in (sources.T, there.T):
        picture[rows, columns] = (1 - TINT) * picture[rows, columns] + TINT * colors
    edges = cv2.findContours(hole.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]
    thickness = max(1, round(max(hole.shape) / 600))
    cv2.drawContours(picture, edges, -1, (0, 0, 0), thickness)
    _draw_arrows(picture, hole, offsets, thickness)
    return picture


def _pale(image: ndarray) -> ndarray:
    levels = np.arange(256) * (1 - PALE) + 255 * PALE
    pale = cv2.LUT(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), levels.astype(np.uint8))
    return pale[..., None].repeat(3, axis=2)


def _by_place(there: ndarray) -> ndarray:
    """Return a colour per place [N, 2]: hue from left to right, light to dark from top down."""
    begin, end = there.min(axis=0), there.max(axis=0)
    down, across = ((there - begin) / np.maximum(end - begin, 1)).T
    hsv = np.stack([across * 165, np.full_like(across, 230), 255 - 130 * down], axis=1)
    return cv2.cvtColor(hsv.astype(np.uint8)[None], cv2.COLOR_HSV2RGB)[0]


def _draw_arrows(picture: ndarray, hole: ndarray, offsets: ndarray, thickness: int) -> None:
    """Draw arrows from sources to places in the hole on a square grid."""
    step = max(8, int(np.sqrt(hole.sum() / ARROWS)))
    grid = np.zeros_like(hole)
    grid[step // 2 :: step, step // 2 :: step] = True
    for y, x in np.argwhere(hole & grid).tolist():
        dy, dx = offsets[:, y, x].tolist()
        if dy or dx:
            length = np.hypot(dy, dx)
            arrow = {"thickness": thickness, "line_type": cv2.LINE_AA, "tipLength": 12 / length}
            cv2.arrowedLine(picture, (x + dx, y + dy), (x, y), (30, 30, 30), **arrow)
