# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Find the hole of a photograph: in a mask file, or by a colour in the photo itself.

Letters: H W photo. A hole is bool [H, W], oriented as the photo is displayed.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray
from PIL import ImageColor

from ppdeepfill.data.depth import depth_inside
from ppdeepfill.data.pictures import as_displayed
from ppdeepfill.data.pixels import WHITE_ABOVE, is_hole, mask_levels, to_8_bit, why_no_hole
from ppdeepfill.errors import DataError
from ppdeepfill.photos.photo import Photo
from ppdeepfill.photos.reading import read_photo

logger = logging.getLogger(__name__)

POLARITIES = ("white", "black")
TRANSPARENT = "transparent"
BETWEEN = (32, 223)  # levels in this range are neither black nor white
LARGEST_BETWEEN = 0.1  # blurred edges have at most this share of such levels
LOSSY_TOLERANCE = 24  # how far JPEG compression may shift a colour, in each channel
SPECK = 64  # px: smaller spots of the hole's colour in a photo are part of the picture
COLORS_NAMED = 8  # with more colours, a mask is probably a photo, and naming one would not help
THINNEST = 8  # px: the attention samples the mask at this step, and may miss anything thinner


class NoHole(DataError):
    """There is nothing to fill."""


@dataclass(frozen=True)
class HoleRule:
    """How to recognise a hole.

    Attributes:
        polarity: which mask colour marks the hole, "white" or "black"; None means white, with a
            warning if the mask looks inverted.
        color: the hole is where the mask has this colour, or the photo if there is no mask: a
            name, #RRGGBB or "transparent".
        dilate: px by which the hole grows on each side.
        strict: turn warnings into errors.

    Raises:
        DataError: unknown colour, both colour and polarity, or a negative number.
    """

    polarity: str | None = None
    color: str | None = None
    dilate: int = 0
    strict: bool = False

    def __post_init__(self):
        if self.color is not None and self.polarity is not None:
            raise DataError("use either --hole_color or --mask_polarity, not both")
        if self.polarity not in (None, *POLARITIES):
            raise DataError(f"--mask_polarity must be white or black; got {self.polarity!r}")
        if self.dilate < 0:
            raise DataError(f"--dilate must not be negative; got {self.dilate}")
        if self.color not in (None, TRANSPARENT):
            rgb_of(self.color)

    def warn_or_refuse(self, text: str) -> None:
        """Log a warning; raise it as a DataError if `strict`."""
        if self.strict:
            raise DataError(f"{text} (refused by --strict)")
        logger.warning("%s", text)


def find_hole(photo: Photo, path: Path, mask: Path | None, rule: HoleRule) -> ndarray:
    """Return the hole of a photo.

    Args:
        photo: the photo.
        path: its file, for messages.
        mask: its mask file; None: the rule's colour in the photo marks the hole.
        rule: how to recognise the hole.

    Raises:
        NoHole: there is no hole; the message says what the mask contains instead.
        DataError: the mask cannot be read, or the hole covers the whole photo. If `rule` is strict,
            also if the mask looks wrong (another size, mostly hole, grey levels).
    """
    if mask is not None:
        return hole_of_mask(photo, read_photo(mask), mask, rule)
    hole = without_specks(_where_color(photo, path, rule.color), path)
    return widened_and_checked(hole, path, rule)


def hole_of_mask(photo: Photo, mask: Photo, name: Path, rule: HoleRule) -> ndarray:
    """Return the hole that a mask marks in a photo.

    Args:
        photo: the photo.
        mask: its mask.
        name: file of the mask, for messages.
        rule: how to recognise the hole.

    Raises:
        NoHole, DataError: as in `find_hole`.
    """
    hole = _resized_to_photo(_in_mask(mask, name, rule), photo, name, rule)
    return widened_and_checked(hole, name, rule)


def widened_and_checked(hole: ndarray, path: Path, rule: HoleRule) -> ndarray:
    """Widen a hole as the rule says, and check the result.

    Args:
        hole: the hole as found.
        path: the file it was found in, for messages.
        rule: how far to widen, and how strict to be.

    Raises:
        NoHole: the hole is empty.
        DataError: it covers everything. If `rule` is strict, also if it looks wrong.
    """
    hole = dilated(hole, rule.dilate)
    _check(hole, path, rule)
    return hole


def dilated(hole: ndarray, radius: int) -> ndarray:
    """The hole bool [H, W], and everything within `radius` px of it."""
    if radius == 0 or not hole.any():
        return hole
    return depth_inside(~hole) <= radius


def rgb_of(color: str) -> tuple[int, int, int]:
    """Colour name or #RRGGBB -> (red, green, blue); raises DataError for anything else."""
    try:
        return ImageColor.getrgb(color)[:3]
    except ValueError:
        raise DataError(
            f"--hole_color must be a name such as white, #RRGGBB or transparent; got {color!r}"
        ) from None


def _where_color(photo: Photo, path: Path, color: str | None) -> ndarray:
    if color is None:
        raise DataError(f"{path}: neither a mask nor a hole colour is given")
    if color == TRANSPARENT:
        if photo.alpha is None:
            raise DataError(f"{path} has no transparency; --hole_color transparent needs it")
        return ~is_hole(to_8_bit(photo.alpha))
    tolerance = LOSSY_TOLERANCE if photo.lossy else 0
    difference = np.abs(photo.rgb().astype(np.int16) - rgb_of(color))
    return (difference <= tolerance).all(axis=-1)


def without_specks(hole: ndarray, path: Path) -> ndarray:
    """The hole without spots below `SPECK` pixels; logs how many there were."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(hole.astype(np.uint8))
    specks = stats[:, cv2.CC_STAT_AREA] < SPECK
    specks[0] = False  # the known region
    if specks.any():
        logger.info("%s: ignored %d spots below %d pixels", path, specks.sum(), SPECK)
    return hole & ~specks[labels]


def _in_mask(mask: Photo, path: Path, rule: HoleRule) -> ndarray:
    """The hole, at the size of the mask."""
    if rule.color is not None:
        return _where_color(mask, path, rule.color)
    levels = mask_levels(mask.pixels, background=255 if rule.polarity == "black" else 0)
    between = np.mean((levels > BETWEEN[0]) & (levels < BETWEEN[1]))
    if between > LARGEST_BETWEEN:
        rule.warn_or_refuse(
            f"{path}: {between:.0%} of this mask is neither black nor white; is it a photo, or "
            f"drawn in a colour (--hole_color)? Levels above {WHITE_ABOVE} count as white"
        )
    hole = ~is_hole(levels) if rule.polarity == "black" else is_hole(levels)
    if not hole.any():
        raise NoHole(f"{path}: {_why_no_hole(mask, rule)}")
    return hole


def _why_no_hole(mask: Photo, rule: HoleRule) -> str:
    """What the mask contains instead of a hole, and what to change."""
    if rule.polarity == "black":
        return "no hole: nothing in it is black; if white marks the hole, use --mask_polarity white"
    reason = why_no_hole(mask.pixels)
    if mask.alpha is not None and not is_hole(to_8_bit(mask.alpha)).all():
        return f"{reason}, or use --mask_polarity black"
    colors, counts = np.unique(mask.rgb().reshape(-1, 3), axis=0, return_counts=True)
    if not 2 <= len(colors) <= COLORS_NAMED:
        return reason
    color = "#" + bytes(colors[counts.argsort()[-2]].tolist()).hex()
    return f'{reason}, or name the colour of the hole, such as --hole_color "{color}"'


def _resized_to_photo(hole: ndarray, photo: Photo, path: Path, rule: HoleRule) -> ndarray:
    """The hole, at the size of the photo."""
    height, width = photo.pixels.shape[:2]
    if hole.shape == (height, width):
        return hole
    if photo.orientation >= 5 and hole.shape == (width, height):
        logger.info("%s: rotated as the photo's EXIF says", path)
        return as_displayed(hole, photo.orientation)
    rule.warn_or_refuse(
        f"{path}: the mask is {hole.shape[1]} x {hole.shape[0]} pixels, the photo {width} x "
        f"{height}; the mask is resized"
    )
    size = (width, height)
    return cv2.resize(hole.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0


def _check(hole: ndarray, path: Path, rule: HoleRule) -> None:
    """Raise DataError for a full hole; warn if the hole looks wrong."""
    share = hole.mean()
    if share == 0:
        raise NoHole(f"{path}: no hole, nothing to fill")
    if share == 1:
        raise DataError(
            f"{path}: the hole covers the whole photo, so there is nothing left to fill it from; "
            "change the mask, --mask_polarity or --dilate"
        )
    if share > 0.5 and rule.polarity is None and rule.color is None:
        rule.warn_or_refuse(
            f"{path}: the hole covers {share:.0%} of it, because white marks the hole; if black "
            "should, use --mask_polarity black, otherwise --mask_polarity white"
        )
    _warn_of_thin_holes(hole, path)


def _warn_of_thin_holes(hole: ndarray, path: Path) -> None:
    thick = cv2.erode(hole.astype(np.uint8), np.ones([THINNEST, THINNEST], np.uint8))
    count, labels = cv2.connectedComponents(hole.astype(np.uint8))
    thin = count - len(np.unique(labels[thick > 0])) - 1
    if thin > 0:
        logger.warning(
            "%s: %d of %d holes are thinner than %d pixels; the attention may mistake them for "
            "known pixels and copy from them; --dilate widens them",
            path,
            thin,
            count - 1,
            THINNEST,
        )
