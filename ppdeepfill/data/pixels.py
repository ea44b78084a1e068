# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What pixel values mean: which of a mask are hole, and how 0..255 becomes [-1, 1].

The only home of these facts in the package. Letters: H W image, C channels.
"""

import numpy as np
from numpy import ndarray

WHITE_ABOVE = 127  # of a mask: hole, also in the grey levels of a JPEG
HALF_RANGE = 127.5  # of 0..255
WHITE = np.uint8(255)
LUMA = (299, 587, 114)  # thousandths, ITU-R BT.601
LEVELS_NAMED = 4


def is_hole(levels: ndarray) -> ndarray:
    """Grey levels 0..255 of a mask, or bool -> bool of the same shape, True = hole."""
    return levels if levels.dtype == np.bool_ else levels > WHITE_ABOVE


def to_levels(hole: ndarray) -> ndarray:
    """A mask of 0 and 1, or bool, as people see it: uint8, 255 = hole."""
    return np.where(hole, WHITE, np.uint8(0))


def to_unit_range(image: ndarray) -> ndarray:
    """0..255 -> float32 in [-1, 1]."""
    return image.astype(np.float32) / HALF_RANGE - 1


def to_bytes(image: ndarray) -> ndarray:
    """[-1, 1] -> uint8, rounded; what lies outside is clipped."""
    return np.rint(np.clip((image + 1) * HALF_RANGE, 0, 255)).astype(np.uint8)


def to_8_bit(values: ndarray) -> ndarray:
    """uint8 or uint16 -> uint8, rounded."""
    if values.dtype == np.uint8:
        return values
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def mask_levels(pixels: ndarray, *, background: int = 0) -> ndarray:
    """Grey levels uint8 [H, W] of a mask laid over a grey background.

    Strokes on a transparent layer hold their shape in alpha alone, often with the same colour
    everywhere.

    Args:
        pixels: uint8 or uint16 [H, W, C]: grey, grey and alpha, RGB or RGBA.
        background: what shows through where the mask is transparent.
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


def without_hole(pixels: ndarray) -> str:
    """Why a mask [H, W] or [H, W, C] has no hole, and what to write instead."""
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    found = np.unique(mask_levels(pixels))
    drawn = is_hole(to_8_bit(pixels[..., -1])) if pixels.shape[2] in (2, 4) else None
    if drawn is not None and drawn.any() and not drawn.all():
        return (
            "no hole in it: its shape is in its transparency, but drawn in black or dark, and only "
            "white is hole; draw it in white"
        )
    if len(found) == 1:
        return f"no hole in it: it is {found[0]} all over, and above {WHITE_ABOVE} is hole"
    if len(found) <= LEVELS_NAMED:
        named = f"{', '.join(map(str, found[:-1]))} and {found[-1]}"
    else:
        named = f"{found[0]} to {found[-1]}"
    return (
        f"no hole in it: its grey levels are {named}, and above {WHITE_ABOVE} is hole; write 255 "
        "where the hole is"
    )
