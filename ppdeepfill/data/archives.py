# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Images inside a .zip or .tar, read in place: an index of positions, and one read per image.

Places2 is an archive of 1.8 million photos. Its directory is read once; the index (positions, sizes
and names in arrays, about 60 bytes per image) is kept in a file, so later runs open at once.
"""

import contextlib
import hashlib
import logging
import os
import tarfile
import weakref
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy import ndarray

from ppdeepfill.data.names import NameTable, is_image_name
from ppdeepfill.errors import DataError

logger = logging.getLogger(__name__)

INDEX_VERSION = 1
INDEX_SUFFIX = ".index.npz"
ENTRY = np.dtype([("offset", "<i8"), ("size", "<i8"), ("checksum", "<u4"), ("method", "u1")])
ENCRYPTED = 255  # as `method`: no zip compression method has this number here
COMPRESSED_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstandard",
}


class Archive:
    """The images of an archive, in the order of their names.

    Args:
        path: the archive.
        index_dir: folder for the index when the archive's own folder is not writable.

    Raises:
        DataError: the archive is damaged or compressed as a whole.
    """

    kind: ClassVar[str]

    def __init__(self, path: Path, *, index_dir: Path | None = None):
        self.path = path
        self._handle: int | None = None
        self.entries, self.names = self._load_index(index_dir) or self._build_index(index_dir)

    def read_bytes(self, index: int) -> bytes:
        """The content of one file; OSError or ValueError when the archive is damaged there."""
        raise NotImplementedError

    def list_entries(self) -> Iterable[tuple[str, tuple[int, int, int, int]]]:
        """Name and ENTRY fields of every image, in archive order."""
        raise NotImplementedError

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_handle": None}

    def read_at(self, offset: int, size: int) -> bytes:
        """`size` bytes at `offset`; no shared file position, so safe in forks and threads."""
        if not hasattr(os, "pread"):  # Windows
            with self.path.open("rb") as file:
                file.seek(offset)
                content = file.read(size)
        else:
            if self._handle is None:
                self._handle = os.open(self.path, os.O_RDONLY)
                weakref.finalize(self, os.close, self._handle)
            content = os.pread(self._handle, size, offset)
        if len(content) < size:
            raise ValueError(f"{self.path.name} ends inside it: the archive is cut off or replaced")
        return content

    def _build_index(self, index_dir: Path | None) -> tuple[ndarray, NameTable]:
        logger.info("reading the directory of %s (once; the index is kept)", self.path)
        try:
            listed = sorted(self.list_entries())
        except (OSError, zipfile.BadZipFile, tarfile.TarError, NotImplementedError) as error:
            raise DataError(
                f"{self.path} is not a readable {self.kind} archive: {error}. Is the download "
                f"complete? Its size is {self.path.stat().st_size} bytes."
            ) from error
        entries = np.array([fields for _, fields in listed], ENTRY)
        names = NameTable.from_strings(name for name, _ in listed)
        self._save_index(entries, names, index_dir)
        return entries, names

    def _identity(self) -> ndarray:
        """An index belongs to the archive with this format, size and time of change."""
        status = self.path.stat()
        return np.array([INDEX_VERSION, status.st_size, status.st_mtime_ns], np.int64)

    def _index_paths(self, index_dir: Path | None) -> list[Path]:
        beside = self.path.with_name(self.path.name + INDEX_SUFFIX)
        if index_dir is None:
            return [beside]
        # archives of one name in different folders must not share an index
        place = hashlib.sha256(str(self.path.resolve()).encode(errors="replace")).hexdigest()[:8]
        return [beside, Path(index_dir) / f"{self.path.name}.{place}{INDEX_SUFFIX}"]

    def _load_index(self, index_dir: Path | None) -> tuple[ndarray, NameTable] | None:
        for path in self._index_paths(index_dir):
            if not path.exists():
                continue
            try:
                with np.load(path, allow_pickle=False) as arrays:
                    if not np.array_equal(arrays["identity"], self._identity()):
                        logger.info("%s belongs to another version of the archive", path)
                        continue
                    return arrays["entries"], NameTable(arrays["names"], arrays["name_ends"])
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
                logger.warning("the index %s is damaged and is made anew: %s", path, error)
        return None

    def _save_index(self, entries: ndarray, names: NameTable, index_dir: Path | None) -> None:
        """Writes the index where that is allowed: beside the archive, else in `index_dir`."""
        arrays: dict[str, Any] = {"entries": entries, "names": names.blob, "name_ends": names.ends}
        for path in self._index_paths(index_dir):
            partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with partial.open("wb") as file:
                    np.savez(file, identity=self._identity(), **arrays)
                    file.flush()
                    os.fsync(file.fileno())
                partial.replace(path)
                logger.info("%d images indexed in %s", len(names), path)
                return
            except OSError as error:
                logger.info("the index cannot be kept in %s: %s", path, error)
                with contextlib.suppress(OSError):
                    partial.unlink()
        logger.warning("the index of %s is kept in memory only: each start reads it", self.path)


class ZipArchive(Archive):
    """A .zip whose entries are stored or deflated."""

    kind = "zip"

    def list_entries(self) -> Iterable[tuple[str, tuple[int, int, int, int]]]:
        with zipfile.ZipFile(self.path) as archive:
            for info in archive.infolist():
                if is_image_name(info.filename):
                    method = ENCRYPTED if info.flag_bits & 1 else info.compress_type
                    fields = (info.header_offset, info.compress_size, info.CRC, method)
                    yield info.filename, fields

    def read_bytes(self, index: int) -> bytes:
        offset, size, checksum, method = self.entries[index].tolist()
        header = self.read_at(offset, 30)
        if not header.startswith(b"PK\x03\x04"):
            raise ValueError(f"{self.path.name} is damaged: no entry at byte {offset}")
        name_length = int.from_bytes(header[26:28], "little")
        extra_length = int.from_bytes(header[28:30], "little")
        content = self.read_at(offset + 30 + name_length + extra_length, size)
        try:
            content = _decompress(content, method)
        except zlib.error as error:
            raise ValueError(f"{self.path.name} is damaged: {error}") from error
        if zlib.crc32(content) != checksum:
            raise ValueError(f"{self.path.name} is damaged: wrong checksum")
        return content


def _decompress(content: bytes, method: int) -> bytes:
    """Content of a zip entry as it was before packing."""
    if method == zipfile.ZIP_STORED:
        return content
    if method == zipfile.ZIP_DEFLATED:
        return zlib.decompress(content, -zlib.MAX_WBITS)
    reason = "encrypted" if method == ENCRYPTED else f"compressed by method {method}"
    raise ValueError(f"{reason}; pack the zip with store or deflate and without a password")


class TarArchive(Archive):
    """A .tar that is not compressed."""

    kind = "tar"

    def list_entries(self) -> Iterable[tuple[str, tuple[int, int, int, int]]]:
        self._refuse_compressed()
        with tarfile.open(self.path, "r:") as archive:
            while (info := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # else an object per file is kept
                if info.isfile() and not info.issparse() and is_image_name(_plain(info.name)):
                    yield _plain(info.name), (info.offset_data, info.size, 0, 0)
            self._check_end(archive.offset)

    def read_bytes(self, index: int) -> bytes:
        offset, size, _, _ = self.entries[index].tolist()
        return self.read_at(offset, size)

    def _refuse_compressed(self) -> None:
        with self.path.open("rb") as file:
            start = file.read(8)
        for magic, name in COMPRESSED_MAGIC.items():
            if start.startswith(magic):
                raise DataError(
                    f"{self.path} is compressed with {name}: its images cannot be read one by one. "
                    "Unpack the compression once (e.g. `gunzip -k FILE.tar.gz`) and give the .tar."
                )

    def _check_end(self, offset: int) -> None:
        """tarfile takes a damaged header for the end: a true end is a block of zeros."""
        with self.path.open("rb") as file:
            file.seek(offset)
            block = file.read(tarfile.BLOCKSIZE)
        if not block:
            logger.warning("%s has no end mark: it may be incomplete", self.path)
        elif any(block) or len(block) < tarfile.BLOCKSIZE:
            raise tarfile.ReadError(f"damaged header at byte {offset}")


def _plain(name: str) -> str:
    """`./train/a.jpg`, as `tar -c .` writes it, -> `train/a.jpg`."""
    return name.removeprefix("./")
