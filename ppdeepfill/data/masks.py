# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Masks (1 = hole) and the region around a hole that the local critic sees.

Every mask function returns the mask, uint8 [H,W] with values 0 and 1, and its `Bbox`.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import cv2
import numpy as np
from numpy import ndarray
from numpy.random import Generator

KINDS = ("rectangle", "center", "free_form", "mixed")
# Brush widths are for an image whose shorter side is 256 px; they scale with that side.
MAX_STROKES = 3
VERTICES = (4, 12)
BRUSH_WIDTHS = (12, 40)
MEAN_TURN = 2 * math.pi / 5
TURN_RANGE = 2 * math.pi / 15


class Bbox(NamedTuple):
    """A region in pixels."""

    top: int
    left: int
    height: int
    width: int


class MaskSettings(Protocol):
    """The part of the configuration that determines a mask."""

    @property
    def kind(self) -> str: ...
    @property
    def size(self) -> int | Sequence[int]: ...
    @property
    def max_shrink(self) -> int: ...


def height_and_width(size: int | Sequence[int]) -> tuple[int, int]:
    """Return (height, width): 128 -> (128, 128); [height, width] -> (height, width)."""
    height, width = (size, size) if isinstance(size, int) else size
    return int(height), int(width)


def draw_mask(
    settings: MaskSettings, image_size: tuple[int, int], rng: Generator
) -> tuple[ndarray, Bbox]:
    """Draw a mask of the configured kind; "mixed" draws rectangles and strokes equally often."""
    size = height_and_width(settings.size)
    kind = settings.kind
    if kind == "mixed":
        kind = "rectangle" if rng.random() < 0.5 else "free_form"
    if kind == "rectangle":
        return rectangle_mask(image_size, size, max_shrink=settings.max_shrink, rng=rng)
    if kind == "center":
        return center_mask(image_size, size)
    if kind == "free_form":
        return free_form_mask(image_size, size, rng=rng)
    raise ValueError(f"mask.kind must be one of {', '.join(KINDS)}; got {settings.kind!r}")


def rectangle_mask(
    image_size: tuple[int, int], size: tuple[int, int], *, max_shrink: int = 32, rng: Generator
) -> tuple[ndarray, Bbox]:
    """Draw a rectangular hole at a random position, somewhat smaller than its bbox.

    Args:
        image_size: height and width in px.
        size: height and width of the bbox in px.
        max_shrink: the hole is up to this many px smaller than the bbox along each axis, half on
            each side.
        rng: source of all randomness.

    Raises:
        ValueError: the bbox does not fit into the image, or shrinking may leave no hole.

    Source: the authors' random_bbox and bbox2mask (generative_inpainting v1.0.0). As there, the
        last possible position, image size - size, is never drawn. Their code fails if both sizes
        are equal; here the position is then 0.
    """
    _check_fits(image_size, size)
    if 2 * (max_shrink // 2) >= min(size):
        raise ValueError(
            f"mask.max_shrink must be smaller than mask.size {list(size)}; got {max_shrink}"
        )
    top, left = (
        int(rng.integers(max(outer - inner, 1)))
        for outer, inner in zip(image_size, size, strict=True)
    )
    dy, dx = (int(rng.integers(max_shrink // 2 + 1)) for _ in range(2))
    mask = np.zeros(image_size, np.uint8)
    mask[top + dy : top + size[0] - dy, left + dx : left + size[1] - dx] = 1
    return mask, Bbox(top, left, *size)


def center_mask(image_size: tuple[int, int], size: tuple[int, int]) -> tuple[ndarray, Bbox]:
    """Return a rectangular hole of `size` in the centre of the image."""
    _check_fits(image_size, size)
    bbox = Bbox((image_size[0] - size[0]) // 2, (image_size[1] - size[1]) // 2, *size)
    mask = np.zeros(image_size, np.uint8)
    mask[bbox.top : bbox.top + bbox.height, bbox.left : bbox.left + bbox.width] = 1
    return mask, bbox


def free_form_mask(
    image_size: tuple[int, int], size: tuple[int, int], *, rng: Generator
) -> tuple[ndarray, Bbox]:
    """Draw one to three zigzag brush strokes.

    The bbox has the given `size` and is centred on the strokes' centre of mass, but moved into the
    image; strokes may extend beyond it.

    Source: DeepFill v2 (arXiv 1806.03589), section 3.4, with the numbers of the authors' code
        (generative_inpainting v2.0.0).
    """
    _check_fits(image_size, size)
    mask = np.zeros(image_size, np.uint8)
    for _ in range(rng.integers(1, MAX_STROKES + 1)):
        width = max(1, round(rng.integers(*BRUSH_WIDTHS) * min(image_size) / 256))
        points = _stroke(image_size, rng)
        cv2.polylines(mask, [points], isClosed=False, color=1, thickness=width)
        for x, y in points.tolist():  # round joints and ends
            cv2.circle(mask, (x, y), width // 2, color=1, thickness=cv2.FILLED)
    rows, columns = np.nonzero(mask)
    return mask, _bbox_around((rows.mean(), columns.mean()), image_size, size)


def _stroke(image_size: tuple[int, int], rng: Generator) -> ndarray:
    """Draw the corners (x, y) of one stroke, int32 [N,2], all inside the image."""
    height, width = image_size
    mean_length = math.hypot(height, width) / 8
    x, y = float(rng.integers(width)), float(rng.integers(height))
    smallest, largest = (
        MEAN_TURN - rng.uniform(0, TURN_RANGE),
        MEAN_TURN + rng.uniform(0, TURN_RANGE),
    )
    points = [(x, y)]
    for number in range(rng.integers(*VERTICES)):
        turn = rng.uniform(smallest, largest)
        angle = 2 * math.pi - turn if number % 2 == 0 else turn
        length = float(np.clip(rng.normal(mean_length, mean_length / 2), 0, 2 * mean_length))
        x = float(np.clip(x + length * math.cos(angle), 0, width - 1))
        y = float(np.clip(y + length * math.sin(angle), 0, height - 1))
        points.append((x, y))
    return np.round(points).astype(np.int32)


def _bbox_around(
    center: tuple[float, float], image_size: tuple[int, int], size: tuple[int, int]
) -> Bbox:
    top, left = (
        int(np.clip(round(middle - inner / 2), 0, outer - inner))
        for middle, outer, inner in zip(center, image_size, size, strict=True)
    )
    return Bbox(top, left, *size)


def _check_fits(image_size: tuple[int, int], size: tuple[int, int]) -> None:
    if min(size) < 1 or any(inner > outer for inner, outer in zip(size, image_size, strict=True)):
        raise ValueError(
            f"mask.size must be between 1 and data.image_size {list(image_size)}; got {list(size)}"
        )
