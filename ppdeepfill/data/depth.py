# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""How deep each pixel lies inside a region, such as a hole."""

import cv2
import numpy as np
from numpy import ndarray


def depth_inside(region: ndarray) -> ndarray:
    """Return the Euclidean distance to the nearest pixel outside a region, the same on every CPU.

    Intel's IPP, which OpenCV calls for some sizes, rounds a distance differently at different
    addresses in memory. Squares of distances are whole numbers, so rounding them gives the true
    ones, up to distances of 1,500 px; beyond, the last digit may differ.

    Args:
        region: [H, W], 0 or False outside.

    Returns:
        float32 [H, W] in px: 0 outside the region, at least 1 inside. If there is no pixel outside,
        all values are huge.
    """
    distance = cv2.distanceTransform(region.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.sqrt(np.rint(np.square(distance, dtype=np.float64))).astype(np.float32)
