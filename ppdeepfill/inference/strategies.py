# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Fill photographs of any size.

A network sees crops of the photo, and its predictions replace the hole only. The strategies
differ in which crops they choose and how much they shrink them.

Letters: H W photo, h w crop in px. A hole is bool.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy import ndarray
from paddle import Tensor

from ppdeepfill.data.depth import depth_inside
from ppdeepfill.data.pixels import to_levels
from ppdeepfill.errors import DataError
from ppdeepfill.inference.blending import poisson_blended
from ppdeepfill.inference.crops import Crop, around_holes, whole_photo
from ppdeepfill.inference.inpainter import Inpainter, to_uint8
from ppdeepfill.networks import offsets_of
from ppdeepfill.terminal.progress import progress

NAMES = ("auto", "whole", "crop", "resize")
BLENDS = ("none", "poisson")
RANGES = {"margin": (0, 1 << 16), "limit": (64, 1 << 16), "feather": (0, 1024)}  # px


@dataclass(frozen=True)
class Strategy:
    """How to fill a photo.

    Attributes:
        name: "whole": the whole photo at once; "crop": a crop around each hole; "resize": the
            whole photo, shrunk; "auto": whole up to `limit`, crop above.
        margin: px of surroundings in a crop, on each side of the hole.
        limit: longest side in px that the network sees, for "crop" and "resize"; anything longer
            is shrunk to it.
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

    def crops(self, hole: ndarray, multiple: int = 1) -> tuple[list[Crop], int]:
        """Return the crops for a hole [H, W], and the longest side in px that the network sees.

        If the photo has room, sides are multiples of `multiple`.
        """
        longest = max(hole.shape)
        if self.name == "whole" or (self.name == "auto" and longest <= self.limit):
            return whole_photo(hole), longest
        if self.name == "resize":
            return whole_photo(hole), self.limit
        crops = around_holes(hole, margin=self.margin, limit=self.limit, multiple=multiple)
        return crops, self.limit


class Filling(NamedTuple):
    """A filled photo.

    Attributes:
        image: uint8 [H, W, 3], equal to the original outside the hole.
        offsets: int32 [2, H, W] offset (dy, dx) in px from each pixel of the hole to the place
            that the attention preferred for it, 0 elsewhere; None if not requested, or if the
            network has no attention.
        coarse: uint8 [H, W, 3], with the hole as filled by the first stage; None if not requested,
            or if the network has one stage.
    """

    image: ndarray
    offsets: ndarray | None
    coarse: ndarray | None = None


def fill(
    inpainter: Inpainter,
    image: ndarray,
    hole: ndarray,
    strategy: Strategy,
    *,
    labels: ndarray | None = None,
    with_offsets: bool = False,
    with_coarse: bool = False,
    before_crop: Callable[[int, int], None] = lambda number, count: None,
) -> Filling:
    """Fill the hole of a photo.

    Args:
        inpainter: a network, an `ExportedInpainter` or a `BaselineInpainter`.
        image: uint8 [H, W, 3] RGB.
        hole: bool [H, W].
        strategy: how to choose crops.
        labels: integers [H, W], the class of each pixel, see `Inpainter`.
        with_offsets: also return where the attention looked; slow for large photos.
        with_coarse: also return the hole as filled by the first stage.
        before_crop: called before each crop with its number, from 0, and the number of crops; an
            exception in it stops the filling.
    """
    filled = image.copy()
    offsets = coarse = None
    crops, limit = strategy.crops(hole, inpainter.multiple)
    crops = crops if hole.any() else []
    for number, (place, own) in enumerate(progress(crops, unit="crop")):
        before_crop(number, len(crops))
        own_labels = None if labels is None else labels[place]
        crop = _CroppedPhoto(image[place], hole[place], own_labels, limit)
        needs_surroundings = crop.scale < 1 or strategy.feather > 0 or strategy.blend == "poisson"
        predict = inpainter.predict if needs_surroundings else inpainter.predict_in_holes
        prediction = predict(*(x[None] for x in crop.shrunk))
        filled[place][own] = _blended(crop, crop.in_pixels(prediction.refined), strategy)[own]
        if with_coarse and prediction.coarse is not None:
            coarse = image.copy() if coarse is None else coarse
            coarse[place][own] = crop.in_pixels(prediction.coarse)[own]
        on_grid = offsets_of(prediction) if with_offsets else None
        if on_grid is not None:
            offsets = np.zeros([2, *hole.shape], np.int32) if offsets is None else offsets
            step = prediction.refined.shape[2] // on_grid.shape[2] / crop.scale
            in_pixels = _offsets_in_pixels(on_grid[0].numpy(), own.shape, step)
            offsets[(slice(None), *place)][:, own] = in_pixels[:, own]
    return Filling(filled, offsets, coarse)


def _blended(crop: "_CroppedPhoto", refined: ndarray, strategy: Strategy) -> ndarray:
    refined = feathered(refined, crop.image, crop.hole, strategy.feather)
    if strategy.blend == "poisson":
        refined = poisson_blended(refined, crop.image, crop.hole)
    return refined


def feathered(refined: ndarray, image: ndarray, hole: ndarray, width: int) -> ndarray:
    """Fade out a colour difference between the hole and its surroundings inside the hole.

    The network also predicts the known pixels near the edge; comparing these with the true pixels
    shows how far off its colours are there. The original inside the hole is ignored.

    Args:
        refined: uint8 [h, w, 3], the network's prediction of all pixels.
        image: uint8 [h, w, 3].
        hole: bool [h, w].
        width: the correction fades out over this many px from the edge; 0 corrects nothing.

    Returns:
        uint8 [h, w, 3], valid only inside the hole.
    """
    if width == 0 or hole.all():
        return refined
    known = (~hole).astype(np.float32)
    error = (image.astype(np.float32) - refined) * known[..., None]
    weight = cv2.GaussianBlur(known, (0, 0), width)
    error = cv2.GaussianBlur(error, (0, 0), width) / np.maximum(weight, 1e-6)[..., None]
    fading = np.clip(1 - depth_inside(hole) / (width + 1), 0, 1)[..., None]
    return np.rint(np.clip(refined + error * fading, 0, 255)).astype(np.uint8)


class _CroppedPhoto:
    """A crop in its own size, and as the network sees it, shrunk to `limit` px.

    Attributes:
        image, hole: uint8 [h, w, 3] and bool [h, w].
        scale: by which the network's input is shrunk, at most 1.
        shrunk: that input: image uint8 [h', w', 3], mask uint8 [h', w'], and labels [h', w'] if
            there are any.
    """

    def __init__(self, image: ndarray, hole: ndarray, labels: ndarray | None, limit: int):
        self.image, self.hole = image, hole
        height, width = hole.shape
        self.scale = min(1.0, limit / max(height, width))
        if self.scale < 1:
            size = max(1, round(width * self.scale)), max(1, round(height * self.scale))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            # A pixel that contains any part of the hole is hole, so none of it counts as known.
            share = cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_AREA)
            hole = share > 0
            if labels is not None:
                labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)
        self.shrunk = [x for x in (image, to_levels(hole), labels) if x is not None]

    def in_pixels(self, stage: Tensor) -> ndarray:
        """The output of a stage, padded and shrunk [1, 3, H', W'] -> the crop's uint8 [h, w, 3]."""
        height, width = self.shrunk[1].shape
        pixels = to_uint8(stage)[0, :height, :width]
        if self.scale < 1:
            pixels = cv2.resize(pixels, self.hole.shape[::-1], interpolation=cv2.INTER_CUBIC)
        return pixels


def _offsets_in_pixels(on_grid: ndarray, size: tuple[int, int], step: float) -> ndarray:
    """Offsets between attention positions, which are `step` px apart -> int [2, h, w] in px."""
    positions = [np.arange(length) for length in size]
    rows, columns = ((p / step).astype(int) for p in positions)
    offsets = np.rint(on_grid[:, rows][:, :, columns] * step).astype(int)
    here = np.stack(np.meshgrid(*positions, indexing="ij"))
    return _mirrored(here + offsets, size) - here


def _mirrored(positions: ndarray, size: tuple[int, int]) -> ndarray:
    """Map positions [2, h, w] in the mirrored padding to the pixels of the image they repeat."""
    last = np.array(size)[:, None, None] - 1
    return np.where(positions > last, 2 * last + 1 - positions, positions).clip(0, last)
