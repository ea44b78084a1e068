# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Label maps: PNG files that hold the class of each pixel of an image."""

from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy import ndarray
from PIL import Image

from ppdeepfill.errors import DataError

UNKNOWN = 255  # a pixel without a class, as in PaddleSeg's datasets
SHAPE_TOLERANCE = 0.01  # of the aspect ratio, for maps made from a resized image

LabelReader = Callable[[str, tuple[int, int]], ndarray]  # (name, (H, W)) -> uint8 [H, W]


def open_labels(path: str | Path, classes: int | None = None) -> LabelReader:
    """Return a function from an image's name and size to its label map, like `LabelMaps.read`.

    Args:
        path: what `--labels` names: a folder, see `LabelMaps`, or one PNG file for all images.
        classes: see `LabelMaps`.

    Raises:
        DataError: there is nothing at the path.
    """
    path = Path(path).expanduser()
    if path.is_file():
        return partial(read_label_map, path, classes=classes)
    try:
        return LabelMaps(path, classes).read
    except DataError as error:
        raise DataError(f"--labels: {error}") from error


class LabelMaps:
    """The label maps of a folder, found by the names of their images.

    Args:
        folder: contains NAME.png for each image NAME.jpg, in the same subfolder or at the top.
            Grey levels or indices of palette colours are the classes.
        classes: number of classes; labels must be 0 to classes - 1, or `UNKNOWN`. None allows any.

    Raises:
        DataError: the folder does not exist.
    """

    def __init__(self, folder: str | Path, classes: int | None = None):
        self.folder = Path(folder).expanduser()
        self.classes = classes
        if not self.folder.is_dir():
            raise DataError(
                f"no such folder: {self.folder.absolute()}. Expected a folder of label maps, one "
                "PNG file for each image."
            )

    def read(self, name: str, size: tuple[int, int]) -> ndarray:
        """Return the label map of an image: uint8 [H, W].

        Args:
            name: name of the image in its source.
            size: (H, W) of the image; a map of another size with the same aspect ratio is resized.

        Raises:
            DataError: there is no map, or it does not match; the message names the file.
        """
        return read_label_map(self._path(name), name, size, classes=self.classes)

    def _path(self, name: str) -> Path:
        inside = PurePosixPath(name.replace("\\", "/")).with_suffix(".png")
        found = [self.folder / inside.name]
        if not inside.is_absolute():
            found.insert(0, self.folder / inside)
        for path in found:
            if path.is_file():
                return path
        raise DataError(
            f"the image {name!r} has no label map: expected {found[0]}. Every image needs one; "
            f"for an image without labels, use a map filled with {UNKNOWN}."
        )


def read_label_map(
    path: Path, name: str, size: tuple[int, int], *, classes: int | None = None
) -> ndarray:
    """Return a label map at the size of its image: uint8 [H, W].

    Args:
        path: a PNG file.
        name: the image, for messages.
        size: (H, W) of the image; a map of another size with the same aspect ratio is resized.
        classes: see `LabelMaps`.

    Raises:
        DataError: it cannot be read, or does not match; the message names the file.
    """
    labels = _decoded(path)
    height, width = labels.shape
    if abs(height / width * size[1] / size[0] - 1.0) > SHAPE_TOLERANCE:
        raise DataError(
            f"the label map {path} has {width} x {height} pixels, but its image {name!r} has "
            f"{size[1]} x {size[0]}: both must have the same aspect ratio"
        )
    if classes is not None:
        _check_classes(labels, classes, path)
    if (height, width) == size:
        return labels
    return cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)


def _decoded(path: Path) -> ndarray:
    try:
        with Image.open(path) as image:
            if image.mode not in ("L", "P"):
                raise DataError(
                    f"the label map {path} has colours ({image.mode}): expected an 8-bit PNG, "
                    "grey or with a palette, in which each pixel is the number of its class"
                )
            return np.array(image)
    except DataError:
        raise
    except Exception as error:  # a damaged file may raise anything
        raise DataError(f"cannot read the label map {path}: {error}") from error


def _check_classes(labels: ndarray, classes: int, path: Path) -> None:
    wrong = labels[(labels >= classes) & (labels != UNKNOWN)]
    if wrong.size:
        raise DataError(
            f"the label map {path} has a pixel of class {wrong.max()}, but the network has "
            f"{classes} classes, 0 to {classes - 1}, and {UNKNOWN} for unknown: correct the map, "
            "or train a network with more of them (network.options.classes)"
        )
