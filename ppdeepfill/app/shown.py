# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Pictures and offset maps for the page: shrunk, and encoded as text.

Letters: H W photo, h w as shown. A data URL contains a file, so the browser needs no second
request.
"""

import base64

import cv2
import numpy as np
from numpy import ndarray

from ppdeepfill.data.pixels import to_levels
from ppdeepfill.drawing.borrowed import draw_borrowed
from ppdeepfill.inference.strategies import Filling

LONGEST = 1280  # px: longest side of what is shown
QUALITY = 92  # of JPEG
STEP = 4  # px between the places of the hole whose source the page can show


def shown_size(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width (h, w) at which a photo of (H, W) is shown."""
    scale = min(1.0, LONGEST / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def shown(image: ndarray) -> str:
    """A photo uint8 [H, W, 3] RGB as the data URL of a JPEG [h, w]."""
    small = _resized(image, shown_size(image.shape[:2]), cv2.INTER_AREA)
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    return _data_url("image/jpeg", cv2.imencode(".jpg", small[..., ::-1], options)[1])


def shown_hole(hole: ndarray) -> str:
    """A hole bool [H, W] as the data URL of a PNG [h, w], white = hole."""
    small = _resized(to_levels(hole), shown_size(hole.shape), cv2.INTER_NEAREST)
    return _data_url("image/png", cv2.imencode(".png", small)[1])


def shown_filling(before: ndarray, hole: ndarray, filling: Filling) -> dict:
    """Return all views of a filling of the photo `before`, uint8 [H, W, 3]."""
    height, width = shown_size(hole.shape)
    views = {"before": shown(before), "after": shown(filling.image), "width": width}
    views |= {"height": height, "hole": shown_hole(hole), "coarse": None, "borrowed": None}
    if filling.coarse is not None:
        views["coarse"] = shown(filling.coarse)
    if filling.offsets is not None:
        views |= _shown_offsets(filling, hole, (height, width))
    return views


def _shown_offsets(filling: Filling, hole: ndarray, size: tuple[int, int]) -> dict:
    """The picture of where the hole's content came from, and the offsets of every `STEP` px.

    `offsets` is the base64 of int16 [2, rows, columns], (dy, dx) in shown pixels.
    """
    rows, columns = (
        ((np.arange(small) + 0.5) * large / small).astype(int)
        for small, large in zip(size, hole.shape, strict=True)
    )
    scale = np.array([s / h for s, h in zip(size, hole.shape, strict=True)])[:, None, None]
    small_hole = hole[np.ix_(rows, columns)]
    offsets = np.rint(filling.offsets[:, rows][:, :, columns] * scale).astype(int)
    here = np.indices(size)
    last = np.array(size)[:, None, None] - 1
    offsets = (here + offsets).clip(0, last) - here
    small = _resized(filling.image, size, cv2.INTER_AREA)
    picture = draw_borrowed(small, small_hole, offsets) if small_hole.any() else small
    grid = offsets[:, STEP // 2 :: STEP, STEP // 2 :: STEP].astype("<i2")
    return {
        "borrowed": shown(picture),
        "offsets": base64.b64encode(np.ascontiguousarray(grid).tobytes()).decode("ascii"),
        "rows": grid.shape[1],
        "columns": grid.shape[2],
        "step": STEP,
    }


def _resized(image: ndarray, size: tuple[int, int], interpolation: int) -> ndarray:
    if image.shape[:2] == size:
        return image
    return cv2.resize(image, size[::-1], interpolation=interpolation)


def _data_url(kind: str, content: ndarray) -> str:
    return f"data:{kind};base64,{base64.b64encode(content.tobytes()).decode('ascii')}"
