# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Methods without a network, with the same call as `Inpainter`: what a network has to beat.

All take an image uint8 [H, W, 3] RGB and a mask uint8 [H, W] (255 = hole, 0 = known), and return
uint8 [H, W, 3] whose known pixels are those of the image.
"""

import cv2
import numpy as np
from numpy import ndarray

TELEA_RADIUS = 3  # pixels around the hole that each filled pixel looks at


def mean_fill(image: ndarray, mask: ndarray) -> ndarray:
    """Fill the hole with the mean colour of the known pixels; mid-grey if there are none."""
    hole = mask > 127
    color = image[~hole].mean(axis=0) if not hole.all() else 127.5
    completed = image.copy()
    completed[hole] = np.rint(color)
    return completed


def telea(image: ndarray, mask: ndarray) -> ndarray:
    """Fill the hole from its border inwards.

    Source: Telea, An Image Inpainting Technique Based on the Fast Marching Method (2004); OpenCV.
    """
    hole = (mask > 127).astype(np.uint8)
    return cv2.inpaint(np.ascontiguousarray(image), hole, TELEA_RADIUS, cv2.INPAINT_TELEA)
