# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Write the small dataset of the TIPC chain: `python test_tipc/lite_data.py FOLDER`.

Windows of the photographs that come with scikit-image and scikit-learn, so nothing is downloaded:

    FOLDER/train/*.png    16 of 288 x 288 pixels, to be cropped at random
           labels/*.png   for each of these a label map of 8 classes: how bright it is
           val/*.png       9 of 256 x 256 pixels
           mask.png       for all of val: the centre of 128 x 128 pixels is hole
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy import ndarray
from PIL import Image

from ppdeepfill.data import open_source

TRAIN_SIDE, SIDE, HOLE = 288, 256, 128  # px
TRAIN_WINDOWS, WINDOWS = 2, 3  # of each photograph
CLASSES = 8


def write_lite_data(folder: Path) -> None:
    """Write the images and the mask; files that are there are replaced."""
    write_windows(folder / "train", "bundled:train", side=TRAIN_SIDE, count=TRAIN_WINDOWS)
    write_labels(folder / "labels", folder / "train")
    write_windows(folder / "val", "bundled:validation", side=SIDE, count=WINDOWS)
    mask = np.zeros([SIDE, SIDE], np.uint8)
    edge = (SIDE - HOLE) // 2
    mask[edge:-edge, edge:-edge] = 255
    Image.fromarray(mask).save(folder / "mask.png")


def write_windows(folder: Path, images: str, *, side: int, count: int) -> None:
    """Write `count` square windows of each image of a source."""
    folder.mkdir(parents=True, exist_ok=True)
    source = open_source(images, index_dir=folder)
    for index in range(len(source)):
        for number, window in enumerate(windows(source.read(index), side, count), start=1):
            name = f"{Path(source.name(index)).stem}_{number}.png"
            Image.fromarray(window).save(folder / name)


def write_labels(folder: Path, images: Path) -> None:
    """Write a label map for each image of a folder."""
    folder.mkdir(exist_ok=True)
    for image in images.glob("*.png"):
        levels = np.asarray(Image.open(image).convert("L"))
        Image.fromarray(levels // (256 // CLASSES)).save(folder / image.name)


def windows(image: ndarray, side: int, count: int) -> Sequence[ndarray]:
    """Evenly spaced from the top left to the bottom right corner of uint8 [H, W, 3]."""
    height, width = image.shape[:2]
    places = zip(
        np.linspace(0, height - side, count).astype(int),
        np.linspace(0, width - side, count).astype(int),
        strict=True,
    )
    return [image[top : top + side, left : left + side] for top, left in places]


if __name__ == "__main__":
    write_lite_data(Path(sys.argv[1]))
