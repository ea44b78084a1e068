# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Filling photographs of any size.

A network sees windows of the photo; what it makes of them is laid into the hole alone. The
strategies differ in the windows and in how far these are shrunk.

Letters: H W photo, h w window in px. A hole is bool.
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy import ndarray

from ppdeepfill.data.pixels import to_levels
from ppdeepfill.errors import DataError
from ppdeepfill.inference.blending import poisson_blended
from ppdeepfill.inference.crops import Window, around_holes, whole_photo
from ppdeepfill.inference.inpainter import Inpainter, to_uint8
from ppdeepfill.networks import Prediction, offsets_of
from ppdeepfill.terminal.progress import progress

NAMES = ("auto", "whole", "crop", "resize")
BLENDS = ("none", "poisson")
RANGES = {"margin": (0, 1 << 16), "limit": (64, 1 << 16), "feather": (0, 1024)}  # px


@dataclass(frozen=True)
class Strategy:
    """How a photo is filled.

    Attributes:
        name: "whole": all at once; "crop": a window around each hole; "resize": all at once,
            shrunk; "auto": whole up to `limit`, crop above.
        margin: px of surroundings in a crop, on each side of the hole.
        limit: longest side in px that the network sees of a crop or of a shrunk photo; longer
            ones are shrunk to it.
        feather: px inside the hole over which a difference in colour at its edge fades out.
        blend: "poisson" takes the colours of the hole from its edge, see `poisson_blended`; "none".

    Raises:
        DataError: unknown name, or a number out of range.
    """

    name: str = "auto"
    margin: int = 128
    limit: int = 768
    feather: int = 0
    blend: str = "none"

    def __post_init__(self):
        if self.name not in NAMES:
            raise DataError(f"--strategy must be one of {', '.join(NAMES)}; got {self.name!r}")
        if self.blend not in BLENDS:
            raise DataError(f"--blend must be one of {', '.join(BLENDS)}; got {self.blend!r}")
        for name, (smallest, largest) in RANGES.items():
            if not smallest <= getattr(self, name) <= largest:
                raise DataError(
                    f"--{name} must be {smallest} to {largest} pixels; got {getattr(self, name)}"
                )

    def windows(self, hole: ndarray, multiple: int = 1) -> tuple[list[Window], int]:
        """What the network sees for a hole [H, W], and the longest side in px that it sees.

        Where the photo has room, sides are multiples of `multiple`.
        """
        longest = max(hole.shape)
        if self.name == "whole" or (self.name == "auto" and longest <= self.limit):
            return whole_photo(hole), longest
        if self.name == "resize":
            return whole_photo(hole), self.limit
        windows = around_holes(hole, margin=self.margin, limit=self.limit, multiple=multiple)
        return windows, self.limit


class Filling(NamedTuple):
    """A filled photo.

    Attributes:
        image: uint8 [H, W, 3], outside the hole equal to what was given.
        offsets: int32 [2, H, W], the way (dy, dx) in px from each pixel of the hole to what the
            attention preferred for it, 0 elsewhere; None where nobody asked, or without attention.
    """

    image: ndarray
    offsets: ndarray | None


def fill(
    inpainter: Inpainter,
    image: ndarray,
    hole: ndarray,
    strategy: Strategy,
    *,
    with_offsets: bool = False,
) -> Filling:
    """Fill the hole of a photo.

    Args:
        inpainter: a network.
        image: uint8 [H, W, 3] RGB.
        hole: bool [H, W].
        strategy: how.
        with_offsets: also say where the attention looked, which takes a while for large photos.
    """
    filled = image.copy()
    offsets = None
    windows, limit = strategy.windows(hole, inpainter.multiple)
    for place, own in progress(windows if hole.any() else (), unit="hole"):
        refined, prediction, scale = _look(inpainter, image[place], hole[place], limit)
        refined = feathered(refined, image[place], hole[place], strategy.feather)
        if strategy.blend == "poisson":
            refined = poisson_blended(refined, image[place], hole[place])
        filled[place][own] = refined[own]
        cells = offsets_of(prediction) if with_offsets else None
        if cells is not None:
            offsets = np.zeros([2, *hole.shape], np.int32) if offsets is None else offsets
            step = prediction.refined.shape[2] // cells.shape[2] / scale
            ways = _offsets_in_pixels(cells[0].numpy(), own.shape, step)
            offsets[(slice(None), *place)][:, own] = ways[:, own]
    return Filling(filled, offsets)


def feathered(refined: ndarray, image: ndarray, hole: ndarray, width: int) -> ndarray:
    """Let a difference in colour between the hole and what surrounds it fade out inside the hole.

    What the network makes of the known pixels near the edge, compared with the pixels themselves,
    tells how far off its colours are there. The original inside the hole is not looked at.

    Args:
        refined: uint8 [h, w, 3], what the network makes of all pixels.
        image: uint8 [h, w, 3].
        hole: bool [h, w].
        width: px from the edge to where nothing is corrected; 0 corrects nothing.

    Returns:
        uint8 [h, w, 3]; only the values inside the hole are of use.
    """
    if width == 0 or hole.all():
        return refined
    known = (~hole).astype(np.float32)
    error = (image.astype(np.float32) - refined) * known[..., None]
    weight = cv2.GaussianBlur(known, (0, 0), width)
    error = cv2.GaussianBlur(error, (0, 0), width) / np.maximum(weight, 1e-6)[..., None]
    inwards = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    fading = np.clip(1 - inwards / (width + 1), 0, 1)[..., None]
    return np.rint(np.clip(refined + error * fading, 0, 255)).astype(np.uint8)


class _Seen(NamedTuple):
    """What the network makes of a window."""

    refined: ndarray  # uint8 [h, w, 3]
    prediction: Prediction
    scale: float  # of the network's view, at most 1


def _look(inpainter: Inpainter, image: ndarray, hole: ndarray, limit: int) -> _Seen:
    """All pixels as the network predicts them, shrunk to `limit` on the way."""
    height, width = hole.shape
    scale = min(1.0, limit / max(height, width))
    small_size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if scale < 1:
        image = cv2.resize(image, small_size, interpolation=cv2.INTER_AREA)
        # A pixel that holds any of the hole is hole: nothing of it shows among the known ones.
        share = cv2.resize(hole.astype(np.float32), small_size, interpolation=cv2.INTER_AREA)
        hole = share > 0
    prediction = inpainter.predict(image[None], to_levels(hole[None]))
    refined = to_uint8(prediction.refined)[0, : small_size[1], : small_size[0]]
    if scale < 1:
        refined = cv2.resize(refined, (width, height), interpolation=cv2.INTER_CUBIC)
    return _Seen(refined, prediction, scale)


def _offsets_in_pixels(cells: ndarray, size: tuple[int, int], step: float) -> ndarray:
    """Offsets in positions of the attention, `step` px apart -> int [2, H, W] in px."""
    positions = [np.arange(length) for length in size]
    rows, columns = ((p / step).astype(int) for p in positions)
    offsets = np.rint(cells[:, rows][:, :, columns] * step).astype(int)
    here = np.stack(np.meshgrid(*positions, indexing="ij"))
    return _mirrored(here + offsets, size) - here


def _mirrored(there: ndarray, size: tuple[int, int]) -> ndarray:
    """Positions [2, H, W] beyond the end of the image, where padding mirrors it, in the image."""
    last = np.array(size)[:, None, None] - 1
    return np.where(there > last, 2 * last + 1 - there, there).clip(0, last)
