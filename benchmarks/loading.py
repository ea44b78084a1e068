# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Rows: training batches from photographs."""

import functools
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from benchmarks.row import Call, Row
from benchmarks.scratch import scratch_folder

SIZE, HOLE = (256, 256), (128, 128)


class Photos(NamedTuple):
    """Photographs to load, and how."""

    folder: str
    size: tuple[int, int]  # height and width
    batch: int  # the folder contains twice as many photographs
    random_crop: bool = True
    reduced_decoding: bool = True


OF_500_PX = Photos("500px", (375, 500), 16)
LARGE = Photos("large", (2000, 3000), 4, random_crop=False)


def rows() -> list[Row]:
    kinds = {
        "500px": (OF_500_PX, 0),
        "500px/1_worker": (OF_500_PX, 1),
        "500px/2_workers": (OF_500_PX, 2),
        "large/reduced": (LARGE, 0),
        "large/full": (LARGE._replace(reduced_decoding=False), 0),
    }
    return [
        Row(
            f"loading/{name}",
            functools.partial(_prepare, photos, workers),
            items=photos.batch,
            quick=name == "500px",
        )
        for name, (photos, workers) in kinds.items()
    ]


def _prepare(photos: Photos, workers: int) -> Call:
    from ppdeepfill.config import MaskConfig
    from ppdeepfill.data import InpaintingDataset, open_source
    from ppdeepfill.data.loader import Loader

    dataset = InpaintingDataset(
        open_source(str(_written(photos))),
        image_size=SIZE,
        mask=MaskConfig(size=HOLE),
        random_crop=photos.random_crop,
        reduced_decoding=photos.reduced_decoding,
    )
    loader = Loader(dataset, batch_size=photos.batch, workers=workers)
    for _ in range(4 * workers):  # skip batches that were prefetched before the measurement
        next(loader)
    return loader.__next__


def _written(photos: Photos) -> Path:
    """Return a folder of JPEGs, written by a separate process so as not to count for the row."""
    folder = scratch_folder(photos.folder)
    if not any(folder.iterdir()):
        numbers = map(str, (2 * photos.batch, *photos.size))
        subprocess.run([sys.executable, "-c", _WRITE, str(folder), *numbers], check=True)
    return folder


# A pyramid of noise, with about as much detail as photographs have.
_WRITE = """
import sys
import cv2
import numpy as np
folder, count, height, width = sys.argv[1], *map(int, sys.argv[2:])
rng = np.random.default_rng(0)
for number in range(count):
    photo = np.zeros([height, width, 3], np.float32)
    for level in range(8):
        noise = rng.standard_normal([2**level + 1, 2**level + 1, 3], np.float32)
        photo += 60 / 1.5**level * cv2.resize(noise, (width, height))
    cv2.imwrite(f"{folder}/{number}.jpg", np.clip(photo + 128, 0, 255).astype(np.uint8))
"""
