# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Find where things of some classes are in a photograph, with a PaddleSeg model.

Letters: H W photo. A hole is bool [H, W], oriented as the photo is displayed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray
from scipy import ndimage

from ppdeepfill.errors import listed
from ppdeepfill.photos import NoHole, Photo, without_specks
from ppdeepfill.segmentation.class_names import class_numbers, name_of, read_names
from ppdeepfill.segmentation.segmenter import Segmenter

GAPS = 1000  # px, counted in the photo at its own size
LIMIT = 1024  # px: larger photos are shrunk for the segmentation
CLASSES_NAMED = 5  # at most, when saying what the model sees instead


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """A PaddleSeg model, and how its classes become a hole.

    Attributes:
        config: a PaddleSeg YAML file.
        weights: its .pdparams file.
        labels: see `read_names`.
        gaps: known spots of fewer px than this that the hole encloses become hole, too.
        limit: longest side in px that the model sees; larger photos are shrunk.
    """

    config: Path
    weights: Path
    labels: Path | None = None
    gaps: int = GAPS
    limit: int = LIMIT


class Recognizer:
    """Finds things of some classes in photographs.

    Args:
        recognition: the model, and its settings.

    Attributes:
        names: the names of all classes, by number.

    Raises:
        UserError: the model cannot be used.
    """

    def __init__(self, recognition: Recognition):
        self._recognition = recognition
        self._segmenter = Segmenter(recognition.config, recognition.weights)
        self._known = read_names(recognition.labels, self._segmenter.config.dataset)
        self.names = [name_of(n, self._known) for n in range(self._segmenter.classes)]

    def numbers(self, classes: Sequence[str]) -> list[int]:
        """The numbers of classes, see `class_numbers`."""
        return class_numbers(classes, self._known, self._segmenter.classes)

    def find(self, photo: Photo, numbers: Sequence[int], path: Path) -> ndarray:
        """Return where things of these classes are, without specks and small gaps: bool [H, W].

        Args:
            photo: the photo.
            numbers: the numbers of the classes.
            path: its file, for messages.

        Raises:
            NoHole: nothing of these classes is in the photo.
        """
        image = photo.rgb()
        height, width = image.shape[:2]
        classes = self._segmenter.classes_of(shrunk(image, self._recognition.limit))
        wanted = np.isin(classes, numbers).astype(np.float32)
        hole = cv2.resize(wanted, (width, height), interpolation=cv2.INTER_LINEAR) > 0.5
        hole = without_gaps(without_specks(hole, path), self._recognition.gaps)
        if not hole.any():
            raise NoHole(f"{path}: {self._why_no_hole(classes, numbers)}")
        return hole

    def _why_no_hole(self, classes: ndarray, numbers: Sequence[int]) -> str:
        wanted = listed([self.names[number] for number in numbers])
        found, counts = np.unique(classes, return_counts=True)
        present = [self.names[number] for number in found[counts.argsort()[::-1]]]
        return f"no {wanted} found; the model sees {listed(present, most=CLASSES_NAMED)}"


def shrunk(image: ndarray, limit: int) -> ndarray:
    """The image with at most `limit` px on its longer side."""
    scale = limit / max(image.shape[:2])
    if scale >= 1:
        return image
    height, width = (max(1, round(scale * side)) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def without_gaps(hole: ndarray, below: int) -> ndarray:
    """The hole, and the known spots of fewer than `below` px that it encloses.

    A spot at the border of the photo is not enclosed. Spots that touch only at a corner are
    separate.
    """
    # Not by OpenCV: its labels of 4-connected parts crash on an image without any (4.5.5).
    enclosed = ndimage.binary_fill_holes(hole) & ~hole
    labels, _ = ndimage.label(enclosed)
    small = np.bincount(labels.ravel()) < below
    small[0] = False  # hole, and known region outside
    return hole | small[labels]
