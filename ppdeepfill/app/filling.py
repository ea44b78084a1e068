# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Open a photo, fill it and return it: the work of the page, without the page.

Letters: H W photo. Uses the same functions as `ppdeepfill predict`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

import cv2
import numpy as np
from numpy import ndarray
from PIL import Image

from ppdeepfill.app.visits import Result, Visit
from ppdeepfill.app.words import Refusal
from ppdeepfill.data.pixels import is_hole, mask_levels, to_levels
from ppdeepfill.inference.baselines import BaselineInpainter
from ppdeepfill.inference.inpainter import Inpainter
from ppdeepfill.inference.strategies import Filling, Strategy, fill
from ppdeepfill.photos import Photo, encoded, photo_from, suffix_of
from ppdeepfill.photos.holes import dilated

MEGABYTES = 30  # the largest file
MOST_PIXELS = 24 * 10**6  # of the largest photo
LONGEST_NAME = 80


@dataclass(frozen=True)
class Download:
    """A file for the visitor; `type` is its media type."""

    name: str
    type: str
    content: bytes
    notes: tuple[str, ...] = ()


def open_photo(content: bytes, name: str) -> tuple[Visit, Photo]:
    """Start a visit with this file; return the visit and the photo.

    Raises:
        DataError: the file is too large, or cannot be read or filled.
    """
    name = _safe(name)
    if len(content) > MEGABYTES << 20:
        raise Refusal("too_large", name=name, megabytes=MEGABYTES)
    photo = photo_from(content, name, most_pixels=MOST_PIXELS)
    return Visit(name, content, photo.pixels.shape[:2]), photo


def reopened(visit: Visit) -> Photo:
    """The photo of a visit."""
    return photo_from(visit.content, visit.name, most_pixels=MOST_PIXELS)


def hole_in(mask: bytes, size: tuple[int, int], shown: tuple[int, int], widen: int) -> ndarray:
    """Return the hole bool [H, W] of a photo.

    Args:
        mask: an image file of the size of the photo, or of the photo as shown; white = hole;
            empty if nothing was painted.
        size: height and width of the photo.
        shown: height and width of the photo as the page shows it.
        widen: px by which the hole grows on each side.

    Raises:
        DataError: the mask cannot be read, has another size, is empty, or covers everything.
    """
    if not mask:
        raise Refusal("nothing_painted")
    pixels = photo_from(mask, "of the painted mask", most_pixels=MOST_PIXELS).pixels
    if pixels.shape[:2] not in (size, shown):
        raise Refusal("other_size", mask=pixels.shape[:2], photo=size)
    painted = is_hole(mask_levels(pixels)).astype(np.uint8)
    hole = cv2.resize(painted, size[::-1], interpolation=cv2.INTER_NEAREST) > 0
    hole = dilated(hole, widen)
    if not hole.any():
        raise Refusal("nothing_painted")
    if hole.all():
        raise Refusal("all_painted")
    return hole


def filled(
    inpainter: Inpainter | BaselineInpainter,
    photo: Photo,
    hole: ndarray,
    strategy: Strategy,
    before_crop: Callable[[int, int], None],
) -> tuple[Result, Filling]:
    """Fill the hole; return what to keep, and the filling. See `strategies.fill` for arguments."""
    filling = fill(
        inpainter,
        photo.rgb(),
        hole,
        strategy,
        with_offsets=True,
        with_coarse=True,
        before_crop=before_crop,
    )
    return Result(np.packbits(hole), filling.image[hole]), filling


def result_file(visit: Visit, *, as_png: bool) -> Download:
    """Encode the filled photo in the photo's format, or as PNG, which changes no known pixel.

    Raises:
        DataError: nothing has been filled yet.
    """
    photo, hole = reopened(visit), _hole_of(visit)
    image = np.zeros([*visit.size, 3], np.uint8)
    image[hole] = visit.result.colors
    completed = photo.completed(image, hole)
    completed = completed.as_png() if as_png else completed
    content, written = encoded(completed, visit.name)
    path = PurePosixPath(visit.name)
    name = f"{path.stem}_filled{suffix_of(written, path.suffix)}"
    return Download(name, Image.MIME[written.format], content, written.notes)


def mask_file(visit: Visit) -> Download:
    """Encode the hole as a mask for `ppdeepfill predict --mask_path`.

    Raises:
        DataError: nothing has been filled yet.
    """
    mask = Photo(to_levels(_hole_of(visit))[..., None], "PNG")
    content, _ = encoded(mask, visit.name)
    return Download(f"{PurePosixPath(visit.name).stem}_mask.png", Image.MIME["PNG"], content)


def _hole_of(visit: Visit) -> ndarray:
    if visit.result is None:
        raise Refusal("no_result")
    bits = np.unpackbits(visit.result.hole, count=visit.size[0] * visit.size[1])
    return bits.reshape(visit.size).astype(bool)


def _safe(name: str) -> str:
    """A file name without folders, short enough for messages and disks."""
    path = PurePosixPath(PurePosixPath(name.replace("\\", "/")).name or "photo")
    printable = "".join(letter for letter in path.stem if letter.isprintable())
    return (printable[:LONGEST_NAME] or "photo") + path.suffix[:8]
