# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The hole of a photograph where things of some classes are.

Letters: H W photo. A hole is bool [H, W], oriented as the photo is displayed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray
from scipy import ndimage

from ppdeepfill.errors import DataError, listed
from ppdeepfill.photos import HoleRule, NoHole, Photo, widened_and_checked, without_specks
from ppdeepfill.segmentation.class_names import class_numbers, name_of, read_names
from ppdeepfill.segmentation.segmenter import Segmenter

GAPS = 1000  # px, of a photo as it is
LIMIT = 1024  # px: larger photos are shrunk for the segmentation
CLASSES_NAMED = 5  # of what is there instead


@dataclass(frozen=True, kw_only=True)
class Removal:
    """What is to be removed, and the model of PaddleSeg that finds it.

    Attributes:
        classes: names or numbers.
        config: a YAML file of PaddleSeg.
        weights: its .pdparams file.
        labels: see `read_names`.
        gaps: px; known spots that the hole encloses and that are smaller become hole, too.
        limit: px on the longer side that the model may see.

    Raises:
        DataError: no configuration or no weights are given.
    """

    classes: Sequence[str]
    config: Path | None = None
    weights: Path | None = None
    labels: Path | None = None
    gaps: int = GAPS
    limit: int = LIMIT

    def __post_init__(self):
        if self.config is None or self.weights is None:
            raise DataError(
                "--remove needs --seg_config and --seg_weights, the configuration and the weights "
                "of a model of PaddleSeg; none comes with this package"
            )


class ClassHoles:
    """Finds the holes of a removal in photographs.

    Args:
        removal: what to look for.

    Raises:
        UserError: the model cannot be used, or has no such class.
    """

    def __init__(self, removal: Removal):
        self.removal = removal
        self.segmenter = Segmenter(removal.config, removal.weights)
        self.names = read_names(removal.labels, self.segmenter.config.dataset)
        self.numbers = class_numbers(removal.classes, self.names, self.segmenter.classes)

    def find(self, photo: Photo, path: Path, rule: HoleRule) -> ndarray:
        """The hole of a photo, without specks and small gaps, widened as the rule says.

        Args:
            photo: the photo.
            path: its file, for messages.
            rule: how far to widen, and how strict to be.

        Raises:
            NoHole: nothing of these classes is in the photo.
            DataError: the hole covers the whole photo.
        """
        image = photo.rgb()
        height, width = image.shape[:2]
        classes = self.segmenter.classes_of(shrunk(image, self.removal.limit))
        wanted = np.isin(classes, self.numbers).astype(np.float32)
        hole = cv2.resize(wanted, (width, height), interpolation=cv2.INTER_LINEAR) > 0.5
        hole = without_gaps(without_specks(hole, path), self.removal.gaps)
        if not hole.any():
            raise NoHole(f"{path}: {self._why_no_hole(classes)}")
        # Here white is hole for certain: most of a photo may be, without a warning of polarity.
        return widened_and_checked(hole, path, replace(rule, polarity="white"))

    def _why_no_hole(self, classes: ndarray) -> str:
        wanted = listed([name_of(number, self.names) for number in self.numbers])
        numbers, counts = np.unique(classes, return_counts=True)
        present = [name_of(int(n), self.names) for n in numbers[counts.argsort()[::-1]]]
        return f"no {wanted} found; the model sees {listed(present, most=CLASSES_NAMED)}"


def shrunk(image: ndarray, limit: int) -> ndarray:
    """The image with at most `limit` px on its longer side."""
    scale = limit / max(image.shape[:2])
    if scale >= 1:
        return image
    height, width = (max(1, round(scale * side)) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def without_gaps(hole: ndarray, below: int) -> ndarray:
    """The hole and the known spots below a number of px that it encloses.

    Spots at the border of the photo are not enclosed, nor are those joined by a corner alone.
    """
    # Not by OpenCV: its labels of 4-connected parts crash on an image without any (4.5.5).
    enclosed = ndimage.binary_fill_holes(hole) & ~hole
    labels, _ = ndimage.label(enclosed)
    small = np.bincount(labels.ravel()) < below
    small[0] = False  # hole, and known region outside
    return hole | small[labels]
