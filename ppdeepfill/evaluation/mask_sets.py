# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Fixed holes for a test: the same for every method, process and order of the images.

A mask set is called with the number of an image, its name and its size as stored, and returns
uint8 [H,W], 1 = hole; `description` says in a line what it holds.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

import cv2
import numpy as np
from numpy import ndarray

from ppdeepfill.data.dataset import fit
from ppdeepfill.data.decoding import read_mask
from ppdeepfill.data.masks import center_mask, free_form_mask, rectangle_mask
from ppdeepfill.data.names import comparable, is_image_name
from ppdeepfill.data.pixels import is_hole, why_no_hole
from ppdeepfill.data.sources import ImageSource, UnreadableImage, open_source
from ppdeepfill.errors import DataError

DRAWN = ("center", "rectangle", "free_form")
# Shares of the image that are hole, as users of NVIDIA's irregular masks report them.
AREAS = ((0.01, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.6))
SHRINK = 4  # a random rectangle loses up to a quarter per axis, as 32 of 128 pixels in training
MAX_DRAWS = 1000
MASK_SET_STREAM = 4  # of a seed's random streams; dataset.py has the others


class MaskSet(Protocol):
    @property
    def description(self) -> str: ...

    def __call__(self, index: int, name: str, stored_size: tuple[int, int]) -> ndarray: ...


def open_masks(
    spec: str,
    *,
    image_size: tuple[int, int],
    hole_size: tuple[int, int],
    names: Iterable[str] = (),
    areas: Sequence[tuple[float, float]] = AREAS,
    seed: int = 0,
    crop: bool = True,
) -> MaskSet:
    """The mask set that `spec` names.

    Args:
        spec: center, rectangle or free_form; a mask file for all images; or a folder, list or
            archive of masks, each named as its image.
        image_size: height and width of the images in px.
        hole_size: of center and, at most, rectangle, in px.
        names: of the images that will be asked for; each needs its file in a folder of masks.
        areas: of free_form, shares of the image in 0..1 above the first and up to the second
            number; image n takes the interval n modulo their number.
        seed: of rectangle and free_form.
        crop: masks from files are cut as images are, see `fit`.

    Raises:
        DataError: neither a known kind nor masks, an image without, or a hole that does not fit.
    """
    if spec not in DRAWN:
        return _open_mask_files(spec, image_size, crop, names)
    makers: dict[str, Callable[[], MaskSet]] = {
        "center": lambda: CenterMasks(image_size, hole_size),
        "rectangle": lambda: RectangleMasks(image_size, hole_size, seed),
        "free_form": lambda: FreeFormMasks(image_size, tuple(areas), seed),
    }
    masks = makers[spec]()
    try:
        masks(0, "", image_size)
    except ValueError as error:
        reason = (
            str(error).replace("mask.size", "hole size").replace("data.image_size", "image size")
        )
        raise DataError(reason) from error
    return masks


@dataclass(frozen=True)
class CenterMasks:
    """One rectangle in the middle."""

    image_size: tuple[int, int]
    hole_size: tuple[int, int]

    @property
    def description(self) -> str:
        return f"centred hole of {_size_text(self.hole_size)} pixels"

    def __call__(self, index: int, name: str, stored_size: tuple[int, int]) -> ndarray:
        return center_mask(self.image_size, self.hole_size)[0]


@dataclass(frozen=True)
class RectangleMasks:
    """A rectangle at a random place, per axis up to a quarter smaller than the hole size."""

    image_size: tuple[int, int]
    hole_size: tuple[int, int]
    seed: int

    @property
    def description(self) -> str:
        return (
            f"random rectangle of up to {_size_text(self.hole_size)} pixels, per axis up to "
            f"{min(self.hole_size) // SHRINK} smaller; seed {self.seed}"
        )

    def __call__(self, index: int, name: str, stored_size: tuple[int, int]) -> ndarray:
        rng = np.random.default_rng([self.seed, MASK_SET_STREAM, index])
        shrink = min(self.hole_size) // SHRINK
        return rectangle_mask(self.image_size, self.hole_size, max_shrink=shrink, rng=rng)[0]


@dataclass(frozen=True)
class FreeFormMasks:
    """Brush strokes drawn until they cover a share of the image."""

    image_size: tuple[int, int]
    areas: tuple[tuple[float, float], ...]
    seed: int

    @property
    def description(self) -> str:
        areas = ", ".join(f"{low:.0%}-{high:.0%}" for low, high in self.areas)
        return f"free-form strokes over {areas} of the image in turn; seed {self.seed}"

    def __call__(self, index: int, name: str, stored_size: tuple[int, int]) -> ndarray:
        rng = np.random.default_rng([self.seed, MASK_SET_STREAM, index])
        low, high = self.areas[index % len(self.areas)]
        mask = np.zeros(self.image_size, np.uint8)
        for _ in range(MAX_DRAWS):
            mask |= free_form_mask(self.image_size, (1, 1), rng=rng)[0]
            if low < mask.mean() <= high:
                return mask
            if mask.mean() > high:
                mask = np.zeros(self.image_size, np.uint8)
        raise DataError(
            f"{MAX_DRAWS} draws of strokes never covered {low:g} to {high:g} of "
            f"{_size_text(self.image_size)} pixels; give a wider hole area"
        )


@dataclass(frozen=True)
class MaskFiles:
    """Masks from files, by the name of their image; white is hole."""

    source: ImageSource
    numbers: dict[str, int]
    image_size: tuple[int, int]
    crop: bool

    @property
    def description(self) -> str:
        return f"{len(self.numbers)} mask files of {self.source.spec}, by name"

    def __call__(self, index: int, name: str, stored_size: tuple[int, int]) -> ndarray:
        number = self.numbers[pair_name(name)]
        return _fit_mask(self.source.read_mask(number), self.source.name(number), self, stored_size)


@dataclass(frozen=True)
class OneMask:
    """The same file for every image; white is hole."""

    path: Path
    levels: ndarray
    image_size: tuple[int, int]
    crop: bool

    @property
    def description(self) -> str:
        return f"the mask {self.path} for every image"

    def __call__(self, index: int, name: str, stored_size: tuple[int, int]) -> ndarray:
        return _fit_mask(self.levels, str(self.path), self, stored_size)


def pair_name(name: str) -> str:
    """What an image and its mask share: the path without drive, leading dots and ending."""
    path = PurePosixPath(re.sub(r"^[A-Za-z]:", "", comparable(name).replace("\\", "/")))
    parts = [part for part in path.with_suffix("").parts if part not in ("/", "..")]
    return "/".join(parts)


def _open_mask_files(
    spec: str, image_size: tuple[int, int], crop: bool, names: Iterable[str]
) -> MaskSet:
    path = Path(spec).expanduser()
    if not path.exists():
        raise DataError(
            f"masks {spec!r} are neither {', '.join(DRAWN)} nor an existing file or folder"
        )
    if path.is_file() and is_image_name(path.name):
        return OneMask(path, read_mask(path), image_size, crop)
    source = open_source(spec)
    numbers: dict[str, int] = {}
    for number in range(len(source)):
        key = pair_name(source.name(number))
        if key in numbers:
            raise DataError(f"{spec} holds two masks for one image: {key!r} with two endings")
        numbers[key] = number
    without = [name for name in names if pair_name(name) not in numbers]
    if without:
        raise DataError(
            f"{len(without)} images have no mask in {spec}: for {without[0]!r} expected "
            f"{pair_name(without[0])!r} with the ending of an image, such as .png"
        )
    return MaskFiles(source, numbers, image_size, crop)


def _fit_mask(
    levels: ndarray, name: str, masks: MaskFiles | OneMask, stored_size: tuple[int, int]
) -> ndarray:
    """Grey levels [H,W] as read -> uint8 [h,w], 1 = hole.

    A mask of the image's stored size is cut as the image is; one of the size of the test stays.

    Raises:
        DataError: another size.
        UnreadableImage: nothing of the window is hole.
    """
    hole = is_hole(levels).astype(np.uint8)
    if hole.shape not in (masks.image_size, stored_size):
        raise DataError(
            f"the mask {name} has {_size_text(hole.shape)} pixels (height x width); expected "
            f"{_size_text(stored_size)} as its image or {_size_text(masks.image_size)} as the test"
        )
    if hole.shape != masks.image_size:
        hole = fit(hole, masks.image_size, crop=masks.crop, interpolation=cv2.INTER_NEAREST)
    if not is_hole(levels).any():
        raise UnreadableImage(name, f"the mask has {why_no_hole(levels)}")
    if not hole.any():
        raise UnreadableImage(name, "the mask has no hole in the cut window")
    return hole


def _size_text(size: tuple[int, ...]) -> str:
    return " x ".join(map(str, size))
