# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Read images by number from a folder, a file list, an archive, or the bundled sample photos."""

import importlib.util
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from numpy import ndarray

from ppdeepfill.data.archives import Archive
from ppdeepfill.data.decoding import decode_image, decode_mask
from ppdeepfill.data.folders import FolderFiles
from ppdeepfill.data.lists import ListFiles
from ppdeepfill.data.names import IMAGE_SUFFIXES, NameTable
from ppdeepfill.data.tar_archive import TarArchive
from ppdeepfill.data.zip_archive import ZipArchive
from ppdeepfill.errors import DataError

logger = logging.getLogger(__name__)

LIST_SUFFIXES = (".flist", ".txt")
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
# Colour photos in the wheels of scikit-image and scikit-learn, so nothing is downloaded.
BUNDLED = {
    "train": (
        ("skimage", "data/astronaut.png"),
        ("skimage", "data/chelsea.png"),
        ("skimage", "data/hubble_deep_field.jpg"),
        ("skimage", "data/ihc.png"),
        ("skimage", "data/motorcycle_left.png"),
        ("skimage", "data/motorcycle_right.png"),
        ("skimage", "data/retina.jpg"),
        ("sklearn", "datasets/images/china.jpg"),
    ),
    "validation": (
        ("skimage", "data/coffee.png"),
        ("skimage", "data/rocket.jpg"),
        ("sklearn", "datasets/images/flower.jpg"),
    ),
}
WHEELS = {"skimage": "scikit-image", "sklearn": "scikit-learn"}
EXPECTED = "a folder of images, a list of paths (.flist or .txt), a .zip, an uncompressed .tar"


class UnreadableImage(DataError):
    """The image `name` cannot be read, for this `reason`."""

    def __init__(self, name: str, reason: str):
        super().__init__(name, reason)  # pass both, so that the exception survives pickling
        self.name, self.reason = name, reason

    def __str__(self) -> str:
        return f"cannot read image {self.name!r}: {self.reason}"


class Files(Protocol):
    """Names, and the content of the file behind each name."""

    names: NameTable

    def read_bytes(self, index: int) -> bytes: ...


class ImageSource:
    """Images by number, always in the same order.

    Args:
        files: names and contents.
        spec: the source as the user wrote it, for messages.
    """

    def __init__(self, files: Files, spec: str):
        self.spec = spec
        self._files = files

    def __len__(self) -> int:
        return len(self._files.names)

    def name(self, index: int) -> str:
        """The path of an image inside its folder or archive, or its line in the list."""
        return self._files.names[index]

    def read(self, index: int, *, at_least: tuple[int, int] | None = None) -> ndarray:
        """Read an image as uint8 [H,W,3] RGB; `at_least` as in `decode_image`.

        Raises:
            UnreadableImage: the file is missing, empty, cut off or not an image.
        """
        return self._decoded(index, partial(decode_image, at_least=at_least))

    def read_mask(self, index: int) -> ndarray:
        """Read an image as a mask with grey levels uint8 [H,W]; see `decode_mask`.

        Raises:
            UnreadableImage: the file is missing, empty, cut off or not an image.
        """
        return self._decoded(index, decode_mask)

    def _decoded(self, index: int, decode: Callable[[bytes], ndarray]) -> ndarray:
        try:
            return decode(self._files.read_bytes(index))
        except OSError as error:
            reason = error.strerror or str(error)
            raise UnreadableImage(self.name(index), reason) from error
        except ValueError as error:
            raise UnreadableImage(self.name(index), str(error)) from error


def open_source(spec: str, *, index_dir: Path | None = None) -> ImageSource:
    """Open a source of images.

    Args:
        spec: a folder (searched at any depth), a list of paths (.flist, .txt), a .zip or .tar, or
            "bundled:train" / "bundled:validation".
        index_dir: where to save the index of an archive if the archive's folder is not writable.

    Raises:
        DataError: the source does not exist or contains no image; the message says what we looked
            for.
    """
    if spec.startswith("bundled:"):
        return ImageSource(BundledFiles(spec), spec)
    path = Path(spec).expanduser()
    if not path.exists():
        raise DataError(
            f"no such file or folder: {path.absolute()} (from {spec!r}). Expected {EXPECTED}, "
            'or "bundled:train" / "bundled:validation".'
        )
    files = _open_files(path, index_dir)
    if not len(files.names):
        more = files.other_content() if isinstance(files, Archive) else ""
        raise DataError(_nothing_found(path) + more)
    if isinstance(files, FolderFiles):
        files.log_skipped()
    logger.info("%d images in %s", len(files.names), spec)
    return ImageSource(files, spec)


def _open_files(path: Path, index_dir: Path | None) -> Files:
    name = path.name.lower()
    if path.is_dir():
        return FolderFiles(path)
    if name.endswith(LIST_SUFFIXES):
        return ListFiles(path)
    if name.endswith(".zip"):
        return ZipArchive(path, index_dir=index_dir)
    if name.endswith(TAR_SUFFIXES):
        return TarArchive(path, index_dir=index_dir)
    raise DataError(f"{path} is not a source of images: expected {EXPECTED}.")


def _nothing_found(path: Path) -> str:
    looked = f"{' '.join(sorted(IMAGE_SUFFIXES))} in upper or lower case, except hidden files"
    if not path.is_dir():
        what = "lines" if path.name.lower().endswith(LIST_SUFFIXES) else f"images ({looked})"
        return f"{path} contains no {what}."
    archives = sorted(p.name for p in path.iterdir() if p.name.lower().endswith((".zip", ".tar")))
    hint = f" It contains the archive {archives[0]}: use its path instead." if archives else ""
    return f"no image in folder {path.absolute()} or its subfolders (looked for {looked}).{hint}"


class BundledFiles:
    """Colour photos that come with the scikit-image and scikit-learn wheels."""

    def __init__(self, spec: str):
        part = spec.removeprefix("bundled:")
        if part not in BUNDLED:
            known = " or ".join(f"bundled:{name}" for name in BUNDLED)
            raise DataError(f"unknown sample photos {spec!r}: expected {known}")
        self.paths = [_package_folder(package) / path for package, path in BUNDLED[part]]
        self.names = NameTable.from_strings(path.name for path in self.paths)

    def read_bytes(self, index: int) -> bytes:
        return self.paths[index].read_bytes()


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise DataError(
            f"the bundled photos come with {WHEELS[package]}, which is not installed: "
            f"pip install {' '.join(WHEELS.values())}"
        )
    return Path(spec.origin).parent
