# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The meaning of pixel values: which mask values mark the hole, and how 0..255 becomes [-1, 1].

Nothing else in the package knows these facts. Letters: H W image, C channels.
"""

import numpy as np
from numpy import ndarray

WHITE_ABOVE = 127  # mask levels above it are hole, which also works for the grey levels of a JPEG
HALF_RANGE = 127.5  # half of 0..255
WHITE = np.uint8(255)
LUMA = (299, 587, 114)  # thousandths, ITU-R BT.601
LEVELS_NAMED = 4


def is_hole(levels: ndarray) -> ndarray:
    """Mask with grey levels 0..255, or bool -> bool of the same shape, True = hole."""
    return levels if levels.dtype == np.bool_ else levels > WHITE_ABOVE


def to_levels(hole: ndarray) -> ndarray:
    """Mask of 0 and 1, or bool -> uint8 as people draw it, 255 = hole."""
    return np.where(hole, WHITE, np.uint8(0))


def to_unit_range(image: ndarray) -> ndarray:
    """0..255 -> float32 in [-1, 1]."""
    return image.astype(np.float32) / HALF_RANGE - 1


def to_bytes(image: ndarray) -> ndarray:
    """[-1, 1] -> uint8, rounded; values outside are clipped, and nan becomes 0."""
    return np.rint(np.fmin(np.fmax((image + 1) * HALF_RANGE, 0), 255)).astype(np.uint8)


def to_8_bit(values: ndarray) -> ndarray:
    """uint8 or uint16 -> uint8, rounded."""
    if values.dtype == np.uint8:
        return values
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def mask_levels(pixels: ndarray, *, background: int = 0) -> ndarray:
    """Grey levels uint8 [H, W] of a mask, laid over a grey background.

    The background matters because strokes on a transparent layer often have the same colour
    everywhere, and show their shape only in alpha.

    Args:
        pixels: uint8 or uint16 [H, W, C]: grey, grey and alpha, RGB or RGBA.
        background: level that shows through where the mask is transparent.
    """
    pixels = to_8_bit(pixels)
    has_alpha = pixels.shape[2] in (2, 4)
    colors = pixels[..., :-1] if has_alpha else pixels
    grey: ndarray = colors[..., 0].astype(np.uint32)
    if colors.shape[2] == 3:
        red, green, blue = (colors[..., n].astype(np.uint32) * LUMA[n] for n in range(3))
        grey = (red + green + blue + 500) // 1000
    if has_alpha:
        opacity = pixels[..., -1].astype(np.uint32)
        grey = (grey * opacity + background * (255 - opacity) + 127) // 255
    return grey.astype(np.uint8)


def why_no_hole(pixels: ndarray) -> str:
    """Explain why a mask [H, W] or [H, W, C] has no hole, and what to change."""
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    found = np.unique(mask_levels(pixels))
    drawn = is_hole(to_8_bit(pixels[..., -1])) if pixels.shape[2] in (2, 4) else None
    if drawn is not None and drawn.any() and not drawn.all():
        return (
            "no hole: the mask's shape is in its transparency but drawn in a dark colour, and only "
            "white marks the hole; draw it in white"
        )
    if len(found) == 1:
        return (
            f"no hole: the mask is {found[0]} everywhere, but only values above {WHITE_ABOVE} mark "
            "the hole"
        )
    if len(found) <= LEVELS_NAMED:
        named = f"{', '.join(map(str, found[:-1]))} and {found[-1]}"
    else:
        named = f"{found[0]} to {found[-1]}"
    return (
        f"no hole: the mask's grey levels are {named}, but only values above {WHITE_ABOVE} mark "
        "the hole; use 255 for it"
    )
