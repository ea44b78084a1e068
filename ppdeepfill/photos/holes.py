# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Where the hole of a photograph is: in a mask file, or a colour in the photo itself.

Letters: H W photo. A hole is bool [H, W], as the photo is displayed.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray
from PIL import ImageColor

from ppdeepfill.data.pictures import as_displayed
from ppdeepfill.data.pixels import WHITE_ABOVE, is_hole, mask_levels, to_8_bit, without_hole
from ppdeepfill.errors import DataError
from ppdeepfill.photos.photo import Photo
from ppdeepfill.photos.reading import read_photo

logger = logging.getLogger(__name__)

POLARITIES = ("white", "black")
TRANSPARENT = "transparent"
BETWEEN = (32, 223)  # levels that are neither black nor white
LARGEST_BETWEEN = 0.1  # share of such levels that blurred edges explain
LOSSY_TOLERANCE = 24  # how far a JPEG may move a colour, in each channel
SPECK = 64  # px: smaller spots of the hole's colour in a photo are highlights, not holes
COLORS_NAMED = 8  # a mask of more colours is a picture of something
THINNEST = 8  # px: the step of the attention's mask, which may miss what is thinner


class NoHole(DataError):
    """There is nothing to fill."""


@dataclass(frozen=True)
class HoleRule:
    """How a hole is recognised.

    Attributes:
        polarity: what of a mask is hole, "white" or "black"; None is white, with a warning when
            that looks like the wrong way round.
        color: the hole is where the mask, or the photo without one, has this colour: a name,
            #RRGGBB or "transparent".
        dilate: px by which the hole grows on each side.
        strict: refuse what else is only warned of.

    Raises:
        DataError: unknown colour, both colour and polarity, or a negative number.
    """

    polarity: str | None = None
    color: str | None = None
    dilate: int = 0
    strict: bool = False

    def __post_init__(self):
        if self.color is not None and self.polarity is not None:
            raise DataError("give --hole_color or --mask_polarity, not both")
        if self.polarity not in (None, *POLARITIES):
            raise DataError(f"--mask_polarity must be white or black; got {self.polarity!r}")
        if self.dilate < 0:
            raise DataError(f"--dilate must not be negative; got {self.dilate}")
        if self.color not in (None, TRANSPARENT):
            rgb_of(self.color)

    def doubt(self, text: str) -> None:
        """Warn, or refuse when strict."""
        if self.strict:
            raise DataError(f"{text} (refused by --strict)")
        logger.warning("%s", text)


def find_hole(photo: Photo, path: Path, mask: Path | None, rule: HoleRule) -> ndarray:
    """The hole of a photo.

    Args:
        photo: the photo.
        path: its file, for messages.
        mask: the file of its mask; None: the hole is the rule's colour in the photo.
        rule: how the hole is recognised.

    Raises:
        NoHole: nothing is hole; the message says what the mask holds instead.
        DataError: the mask cannot be read, or all of the photo is hole; what is only doubtful
            (another size, mostly hole, grey levels) where `rule` is strict.
    """
    if mask is not None:
        return hole_of_mask(photo, read_photo(mask), mask, rule)
    hole = _without_specks(_where_color(photo, path, rule.color), path)
    hole = dilated(hole, rule.dilate)
    _check(hole, path, rule)
    return hole


def hole_of_mask(photo: Photo, mask: Photo, name: Path, rule: HoleRule) -> ndarray:
    """The hole that a mask marks in a photo.

    Args:
        photo: the photo.
        mask: its mask.
        name: what messages call the mask.
        rule: how the hole is recognised.

    Raises:
        NoHole, DataError: as of `find_hole`.
    """
    hole = _fitted(_in_mask(mask, name, rule), photo, name, rule)
    hole = dilated(hole, rule.dilate)
    _check(hole, name, rule)
    return hole


def dilated(hole: ndarray, radius: int) -> ndarray:
    """The hole and all that is at most `radius` px away from it."""
    if radius == 0 or not hole.any():
        return hole
    distance = cv2.distanceTransform((~hole).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return distance <= radius


def rgb_of(color: str) -> tuple[int, int, int]:
    """A colour's name or #RRGGBB -> (red, green, blue)."""
    try:
        return ImageColor.getrgb(color)[:3]
    except ValueError:
        raise DataError(
            f"--hole_color must be a name such as white, #RRGGBB or transparent; got {color!r}"
        ) from None


def _where_color(photo: Photo, path: Path, color: str | None) -> ndarray:
    if color is None:
        raise DataError(f"{path}: neither a mask nor a colour says where the hole is")
    if color == TRANSPARENT:
        if photo.alpha is None:
            raise DataError(f"{path} has no transparency; --hole_color transparent needs it")
        return ~is_hole(to_8_bit(photo.alpha))
    tolerance = LOSSY_TOLERANCE if photo.lossy else 0
    difference = np.abs(photo.rgb().astype(np.int16) - rgb_of(color))
    return (difference <= tolerance).all(axis=-1)


def _without_specks(hole: ndarray, path: Path) -> ndarray:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(hole.astype(np.uint8))
    specks = stats[:, cv2.CC_STAT_AREA] < SPECK
    specks[0] = False  # what is known
    if specks.any():
        logger.info("%s: %d spots below %d pixels are no holes", path, specks.sum(), SPECK)
    return hole & ~specks[labels]


def _in_mask(mask: Photo, path: Path, rule: HoleRule) -> ndarray:
    """The hole in the size of the mask."""
    if rule.color is not None:
        return _where_color(mask, path, rule.color)
    levels = mask_levels(mask.pixels, background=255 if rule.polarity == "black" else 0)
    between = np.mean((levels > BETWEEN[0]) & (levels < BETWEEN[1]))
    if between > LARGEST_BETWEEN:
        rule.doubt(
            f"{path}: {between:.0%} of this mask is neither black nor white; is it a photo, or "
            f"drawn in a colour (--hole_color)? Above {WHITE_ABOVE} counts as white"
        )
    hole = ~is_hole(levels) if rule.polarity == "black" else is_hole(levels)
    if not hole.any():
        raise NoHole(f"{path}: {_without_hole(mask, rule)}")
    return hole


def _without_hole(mask: Photo, rule: HoleRule) -> str:
    """What the mask holds in place of a hole, and what to change."""
    if rule.polarity == "black":
        return "no hole in it: nothing is black; if white is the hole, give --mask_polarity white"
    reason = without_hole(mask.pixels)
    if mask.alpha is not None and not is_hole(to_8_bit(mask.alpha)).all():
        return f"{reason}, or give --mask_polarity black"
    colors, counts = np.unique(mask.rgb().reshape(-1, 3), axis=0, return_counts=True)
    if not 2 <= len(colors) <= COLORS_NAMED:
        return reason
    color = "#" + bytes(colors[counts.argsort()[-2]].tolist()).hex()
    return f'{reason}, or give the colour of the hole, such as --hole_color "{color}"'


def _fitted(hole: ndarray, photo: Photo, path: Path, rule: HoleRule) -> ndarray:
    """The hole in the size of the photo."""
    height, width = photo.pixels.shape[:2]
    if hole.shape == (height, width):
        return hole
    if photo.orientation >= 5 and hole.shape == (width, height):
        logger.info("%s: turned as the photo's EXIF says", path)
        return as_displayed(hole, photo.orientation)
    rule.doubt(
        f"{path}: the mask is {hole.shape[1]} x {hole.shape[0]} pixels, the photo {width} x "
        f"{height}; the mask is resized"
    )
    size = (width, height)
    return cv2.resize(hole.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0


def _check(hole: ndarray, path: Path, rule: HoleRule) -> None:
    """DataError for a full hole; doubts about one that looks wrong."""
    share = hole.mean()
    if share == 0:
        raise NoHole(f"{path}: no hole in it, nothing to fill")
    if share == 1:
        raise DataError(
            f"{path}: all of the photo is hole, so that nothing is left to fill it from; change "
            "the mask, --mask_polarity or --dilate"
        )
    if share > 0.5 and rule.polarity is None and rule.color is None:
        rule.doubt(
            f"{path}: {share:.0%} of it is hole, as white is taken for hole; if black is the "
            "hole, give --mask_polarity black, else --mask_polarity white"
        )
    _tell_thin_ones(hole, path)


def _tell_thin_ones(hole: ndarray, path: Path) -> None:
    thick = cv2.erode(hole.astype(np.uint8), np.ones([THINNEST, THINNEST], np.uint8))
    count, labels = cv2.connectedComponents(hole.astype(np.uint8))
    thin = count - len(np.unique(labels[thick > 0])) - 1
    if thin > 0:
        logger.warning(
            "%s: %d of %d holes are thinner than %d pixels, where the attention may take them for "
            "known and copy from them; --dilate widens them",
            path,
            thin,
            count - 1,
            THINNEST,
        )
