# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Draw offset maps, from each position to its best patch, in colour.

Letters: h w offset map. All pictures are RGB uint8.
"""

import numpy as np
from numpy import ndarray

# Number of hues between red, yellow, green, cyan, blue, magenta and red again: in each sixth of the
# circle, as many as the eye can distinguish.
HUES = {"RY": 15, "YG": 6, "GC": 4, "CB": 11, "BM": 13, "MR": 6}


def color_offsets(offsets: ndarray, *, max_radius: float | None = None) -> ndarray:
    """Colour an offset map: hue shows the direction, saturation the distance.

    Args:
        offsets: [2, h, w], (dy, dx) from each position to its best patch.
        max_radius: distance shown in full colour; None uses the largest in this map.

    Returns:
        [h, w, 3]; white where the offset is zero.

    Source: Baker et al., A Database and Evaluation Methodology for Optical Flow (IJCV 2011). Like
    the authors of DeepFill v1, we draw dy on the axis that this colour code calls horizontal.
    """
    dy, dx = offsets.astype(np.float64)
    radius = np.hypot(dy, dx)
    if max_radius is None:
        max_radius = radius.max()
    saturation = radius / max(max_radius, np.finfo(np.float64).eps)
    wheel = color_wheel()
    position = (np.arctan2(-dx, -dy) / np.pi + 1) / 2 * (len(wheel) - 1)
    lower = position.astype(int)
    fraction = (position - lower)[..., None]
    hue = (1 - fraction) * wheel[lower] + fraction * wheel[(lower + 1) % len(wheel)]  # [h, w, 3]
    color = 255 - saturation[..., None] * (255 - hue)
    return np.clip(color, 0, 255).astype(np.uint8)


def color_wheel() -> ndarray:
    """Return [55, 3] hues in 0..255, from red through yellow, green, cyan, blue and magenta."""
    sixths = []
    for number, hues in enumerate(HUES.values()):
        rising = np.floor(255 * np.arange(hues) / hues)
        primary, next_primary = number // 2, (number // 2 + 1) % 3
        sixth = np.zeros([hues, 3])
        if number % 2 == 0:  # from a primary colour to its mixture with the next one
            sixth[:, primary], sixth[:, next_primary] = 255, rising
        else:  # from the mixture to the next one alone
            sixth[:, primary], sixth[:, next_primary] = 255 - rising, 255
        sixths.append(sixth)
    return np.concatenate(sixths)
