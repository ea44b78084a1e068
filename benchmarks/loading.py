# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Rows: training batches from photographs, in one process without workers."""

from pathlib import Path

from benchmarks.row import Call, Row
from benchmarks.scratch import scratch_folder

PHOTOS, BATCH = 32, 16
PHOTO_SIZE, SIZE, HOLE = (375, 500), (256, 256), (128, 128)


def rows() -> list[Row]:
    return [Row("loading/500px", _prepare, items=BATCH, quick=True)]


def _prepare() -> Call:
    from ppdeepfill.config import MaskConfig
    from ppdeepfill.data import InpaintingDataset, open_source
    from ppdeepfill.data.loader import Loader

    folder = scratch_folder("photos")
    _write_photos(folder)
    dataset = InpaintingDataset(
        open_source(str(folder)), image_size=SIZE, mask=MaskConfig(size=HOLE)
    )
    return Loader(dataset, batch_size=BATCH).__next__


def _write_photos(folder: Path) -> None:
    """JPEGs of ImageNet's usual size, with as much detail as a photograph: a pyramid of noise."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(0)
    height, width = PHOTO_SIZE
    for number in range(PHOTOS):
        photo = np.zeros([height, width, 3], np.float32)
        for level in range(8):
            noise = rng.standard_normal([2**level + 1, 2**level + 1, 3], np.float32)
            photo += 60 / 1.5**level * cv2.resize(noise, (width, height))
        cv2.imwrite(str(folder / f"{number}.jpg"), np.clip(photo + 128, 0, 255).astype(np.uint8))
