# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Poisson blending: take gradients from the network's output, and colours from the hole's edge.

Letters: h w crop in px.

Source: Perez et al., Poisson Image Editing (SIGGRAPH 2003), by OpenCV; GLCIC's authors blend this
way.
"""

import cv2
import numpy as np
from numpy import ndarray

ERODED = 3  # px by which OpenCV shrinks the mask
BORDER = 2 * ERODED  # px added on each side, so that a hole at the crop's edge has surroundings
TELEA_RADIUS = 5  # px


def poisson_blended(refined: ndarray, image: ndarray, hole: ndarray) -> ndarray:
    """Shift the colours of a filled hole so that they meet what surrounds it.

    Args:
        refined: uint8 [h, w, 3], the network's prediction of all pixels.
        image: uint8 [h, w, 3]; its content inside the hole is ignored.
        hole: bool [h, w].

    Returns:
        uint8 [h, w, 3], valid only inside the hole. If there is no hole, or no known pixel, this
        is `refined`.
    """
    if hole.all() or not hole.any():
        return refined
    mask = hole.astype(np.uint8) * 255
    # Gradients at the edge reach into the hole, so fill it with something smooth first.
    known = np.where(hole[..., None], np.uint8(0), image)  # at the border, OpenCV reads the hole
    smooth = cv2.inpaint(known, mask, TELEA_RADIUS, cv2.INPAINT_TELEA)
    source, target = (_bordered(x, cv2.BORDER_REPLICATE) for x in (refined, smooth))
    mask = cv2.dilate(_bordered(mask, cv2.BORDER_CONSTANT), np.ones([2 * ERODED + 1] * 2, np.uint8))
    left, top, width, height = cv2.boundingRect(mask)
    centre = (left + width // 2, top + height // 2)
    blended = cv2.seamlessClone(source, target, mask, centre, cv2.NORMAL_CLONE)
    return blended[BORDER:-BORDER, BORDER:-BORDER]


def _bordered(x: ndarray, kind: int) -> ndarray:
    return cv2.copyMakeBorder(x, BORDER, BORDER, BORDER, BORDER, kind)
