# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Small photographs made on the spot, as a folder, lists and archives."""

import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from ppdeepfill.data import InpaintingDataset, open_source

SIZES = [(40, 56), (64, 48), (20, 24), (50, 50), (33, 70), (48, 40), (70, 33)]


def smooth_picture(height, width, seed=0):
    """uint8 [H,W,3] RGB, smooth enough for JPEG."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def encoded(image, ending):
    """An RGB image as the bytes of a file."""
    return cv2.imencode(ending, np.ascontiguousarray(image[..., ::-1]))[1].tobytes()


def make_folder(folder: Path) -> Path:
    """Seven photos in three folders, beside files that are no photos."""
    for number, (height, width) in enumerate(SIZES):
        ending = (".jpg", ".PNG", ".jpeg")[number % 3]
        path = folder / ("a", "b/deep", "")[number % 3] / f"photo{number}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(smooth_picture(height, width, number), ending.lower()))
    for name in ("notes.md", ".hidden.jpg", "__MACOSX/a/photo0.jpg", ".cache/x.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not a photo")
    return folder


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def make_zip(folder: Path, path: Path, *, compression=zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in reversed(files_below(folder)):
            archive.write(file, file.relative_to(folder).as_posix())
    return path


def make_tar(folder: Path, path: Path, *, mode="w") -> Path:
    with tarfile.open(path, mode) as archive:
        archive.add(folder, ".")
    return path


@pytest.fixture(scope="session")
def _photos(tmp_path_factory) -> Path:
    return make_folder(tmp_path_factory.mktemp("photos"))


@pytest.fixture
def photos(_photos) -> Path:
    """A folder of seven photos; only read."""
    return _photos


@pytest.fixture
def make():
    """The makers above."""
    return SimpleNamespace(
        picture=smooth_picture, encoded=encoded, folder=make_folder, zip=make_zip, tar=make_tar
    )


@pytest.fixture
def make_dataset(photos):
    """A data set of 32 px samples from the seven photos, or from another source."""

    def build(source=photos, *, kind="rectangle", shared=False, **options):
        mask = SimpleNamespace(kind=kind, size=16, max_shrink=8, shared=shared)
        options = {"image_size": 32, "seed": 5, **options}
        return InpaintingDataset(open_source(str(source)), mask=mask, **options)

    return build
