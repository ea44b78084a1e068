# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Label maps: the class of each pixel, as PNG files beside the images of a training."""

from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy import ndarray
from PIL import Image

from ppdeepfill.errors import DataError

UNKNOWN = 255  # a pixel without a class, as in PaddleSeg's data sets
SHAPE_TOLERANCE = 0.01  # of an image's side, for maps that were made from a resized image


class LabelMaps:
    """The label maps of a folder, found by the names of their images.

    Args:
        folder: a file NAME.png for each image NAME.jpg, in the same sub-folder or at the top. Grey
            levels or numbers of palette colours are the classes.
        classes: how many there are; labels are 0 to classes - 1, and `UNKNOWN`. None: any.

    Raises:
        DataError: no such folder.
    """

    def __init__(self, folder: str | Path, classes: int | None = None):
        self.folder = Path(folder).expanduser()
        self.classes = classes
        if not self.folder.is_dir():
            raise DataError(
                f"no such folder: {self.folder.absolute()}. Expected a folder of label maps, one "
                "PNG file for each training image."
            )

    def read(self, name: str, size: tuple[int, int]) -> ndarray:
        """The label map of an image: uint8 [H, W].

        Args:
            name: of the image in its source.
            size: (H, W) of the image; a smaller or larger map of the same shape is resized.

        Raises:
            DataError: there is no map, or it does not fit; the message names the file.
        """
        path = self._path(name)
        labels = self._decoded(path)
        height, width = labels.shape
        if abs(height / width * size[1] / size[0] - 1.0) > SHAPE_TOLERANCE:
            raise DataError(
                f"the label map {path} has {width} x {height} pixels, but its image {name!r} has "
                f"{size[1]} x {size[0]}: both must show the same"
            )
        self._check_classes(labels, path)
        if (height, width) == size:
            return labels
        return cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)

    def _path(self, name: str) -> Path:
        inside = PurePosixPath(name.replace("\\", "/")).with_suffix(".png")
        found = [self.folder / inside.name]
        if not inside.is_absolute():
            found.insert(0, self.folder / inside)
        for path in found:
            if path.is_file():
                return path
        raise DataError(
            f"the image {name!r} has no label map: expected {found[0]}. Every training image needs "
            f"one; where nothing is known of an image, a map full of {UNKNOWN} says so."
        )

    def _decoded(self, path: Path) -> ndarray:
        try:
            with Image.open(path) as image:
                if image.mode not in ("L", "P"):
                    raise DataError(
                        f"the label map {path} has colours ({image.mode}): expected a grey PNG or "
                        "one with a palette, of 8 bits, in which each pixel is the number of its "
                        "class"
                    )
                return np.array(image)
        except OSError as error:
            raise DataError(f"cannot read the label map {path}: {error}") from error

    def _check_classes(self, labels: ndarray, path: Path) -> None:
        if self.classes is None:
            return
        wrong = labels[(labels >= self.classes) & (labels != UNKNOWN)]
        if wrong.size:
            raise DataError(
                f"the label map {path} has a pixel of class {wrong.max()}, but the network knows "
                f"{self.classes} classes, 0 to {self.classes - 1}, and {UNKNOWN} for unknown: set "
                "network.options.classes, or another data.labels"
            )
