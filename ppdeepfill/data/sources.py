# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Images by number from a folder, a file list, an archive, or the bundled sample photos."""

import importlib.util
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from numpy import ndarray

from ppdeepfill.data.archives import TarArchive, ZipArchive
from ppdeepfill.data.decoding import decode_image
from ppdeepfill.data.names import NameTable, is_image_name
from ppdeepfill.errors import DataError

logger = logging.getLogger(__name__)

LIST_SUFFIXES = (".flist", ".txt")
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
LIST_LINES_TRIED = 100
# Colour photos inside the wheels of scikit-image and scikit-learn: nothing is downloaded.
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
    """One image cannot be read: `name` says which, `reason` why."""

    def __init__(self, name: str, reason: str):
        super().__init__(name, reason)  # both, so that the exception survives pickling
        self.name, self.reason = name, reason

    def __str__(self) -> str:
        return f"cannot read image {self.name!r}: {self.reason}"


class Files(Protocol):
    """What a source reads from: names, and the content of the file behind each."""

    names: NameTable

    def read_bytes(self, index: int) -> bytes: ...


class ImageSource:
    """Images by number, always in the same order.

    Args:
        files: names and contents.
        spec: what the user wrote, for messages.
    """

    def __init__(self, files: Files, spec: str):
        self.spec = spec
        self._files = files

    def __len__(self) -> int:
        return len(self._files.names)

    def name(self, index: int) -> str:
        """The path of an image inside its folder or archive, or the line of its list."""
        return self._files.names[index]

    def read(self, index: int, *, at_least: tuple[int, int] | None = None) -> ndarray:
        """The image as uint8 [H,W,3] RGB; `at_least` as in `decode_image`.

        Raises:
            UnreadableImage: the file is missing, empty, cut off or not an image.
        """
        try:
            return decode_image(self._files.read_bytes(index), at_least=at_least)
        except (OSError, ValueError) as error:
            raise UnreadableImage(self.name(index), str(error)) from error


def open_source(spec: str, *, index_dir: Path | None = None) -> ImageSource:
    """Opens the images that `spec` names.

    Args:
        spec: a folder (searched at any depth), a list of paths (.flist, .txt), a .zip or .tar, or
            "bundled:train" / "bundled:validation".
        index_dir: where the index of an archive is kept when the archive's folder is not writable.

    Raises:
        DataError: nothing is there, or no image is in it; the message says what was looked for.
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
        raise DataError(_nothing_found(path))
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
    raise DataError(f"{path} cannot be a source of images: expected {EXPECTED}.")


def _nothing_found(path: Path) -> str:
    looked = ".jpg .jpeg .png .bmp .webp .tif .tiff, in any case; hidden files are skipped"
    if not path.is_dir():
        what = "lines" if path.name.lower().endswith(LIST_SUFFIXES) else f"images ({looked})"
        return f"{path} holds no {what}."
    archives = sorted(p.name for p in path.iterdir() if p.name.lower().endswith((".zip", ".tar")))
    hint = f" It holds the archive {archives[0]}: give its path instead." if archives else ""
    return f"no image in the folder {path.absolute()} or below it (looked for {looked}).{hint}"


class FolderFiles:
    """The images in a folder and all folders below it, links followed."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.names = NameTable.from_strings(sorted(filter(is_image_name, _walk(folder))))

    def read_bytes(self, index: int) -> bytes:
        return (self.folder / self.names[index]).read_bytes()


def _walk(folder: Path) -> Iterator[str]:
    """Relative paths, with slashes, of all files below; a link back up is entered once."""
    entered = set()
    for place, folders, files in os.walk(folder, followlinks=True, onerror=_tell_skipped):
        real = os.path.realpath(place)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        parent = Path(place).relative_to(folder)
        yield from ((parent / file).as_posix() for file in files)


def _tell_skipped(error: OSError) -> None:
    logger.warning("skipped unreadable folder %r: %s", error.filename, error.strerror)


class ListFiles:
    """The images named line by line in a text file.

    A path is meant relative to the list's folder, else to the current one. Of the two-column form
    of PaddleSeg (`image label`) the first column counts.
    """

    def __init__(self, path: Path):
        self.path = path
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        self.names = NameTable.from_strings(lines)
        tried = lines[:LIST_LINES_TRIED]
        if tried and not any(place.is_file() for line in tried for place in self._places(line)):
            places = "\n  ".join(str(place.absolute()) for place in self._places(lines[0]))
            raise DataError(
                f"none of the first {len(tried)} images of {path} exists. A list is text in UTF-8, "
                f"one path per line. For the first, looked for\n  {places}"
            )

    def read_bytes(self, index: int) -> bytes:
        places = self._places(self.names[index])
        for place in places:
            if place.is_file():
                return place.read_bytes()
        raise FileNotFoundError(f"no such file: {places[0]}")

    def _places(self, line: str) -> list[Path]:
        """Where the image of a line may be, likeliest first."""
        columns = line.split("\t") if "\t" in line else line.split()
        paths = [line, columns[0]] if len(columns) > 1 else [line]
        return [folder / path for path in paths for folder in (self.path.parent, Path())]


class BundledFiles:
    """Colour photos that the scikit-image and scikit-learn wheels carry."""

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
