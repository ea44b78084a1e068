# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Images read straight from a .zip or .tar: an index of positions, and one read per image.

Places2 is an archive of 1.8 million photos. We read its directory once and save the index
(positions, sizes and names in arrays, about 60 bytes per image), so later runs start at once.
"""

import contextlib
import hashlib
import logging
import os
import weakref
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy import ndarray

from ppdeepfill.data.names import NameTable, kinds_of
from ppdeepfill.errors import DataError

logger = logging.getLogger(__name__)

INDEX_VERSION = 2
INDEX_SUFFIX = ".index.npz"
ENTRY = np.dtype([("offset", "<i8"), ("size", "<i8"), ("checksum", "<u4"), ("method", "u1")])
Fields = tuple[int, int, int, int]  # of an ENTRY
NESTED = (".zip", ".tar", ".tgz", ".gz", ".7z", ".rar")


class Archive:
    """The images of an archive, in the order of their names.

    Args:
        path: the archive.
        index_dir: folder for the index if the archive's own folder is not writable.

    Raises:
        DataError: the archive is damaged or compressed as a whole.
    """

    kind: ClassVar[str]

    def __init__(self, path: Path, *, index_dir: Path | None = None):
        self.path = path
        self._handle: int | None = None
        self._omitted: dict[str, int] = Counter()  # reason -> number of images left out
        self._other_names: list[str] = []
        self.entries, self.names = self._load_index(index_dir) or self._build_index(index_dir)

    def read_bytes(self, index: int) -> bytes:
        """Read one file; raise OSError or ValueError if the archive is damaged there."""
        raise NotImplementedError

    def list_entries(self) -> Iterable[tuple[str, Fields]]:
        """Yield name and ENTRY fields of every image, in archive order."""
        raise NotImplementedError

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_handle": None}

    def read_at(self, offset: int, size: int) -> bytes:
        """Read `size` bytes at `offset`; safe in forks and threads: no shared file position."""
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
            raise ValueError(f"{self.path.name} ends too early: the archive is cut off or replaced")
        return content

    def _build_index(self, index_dir: Path | None) -> tuple[ndarray, NameTable]:
        logger.info("reading the directory of %s (only once; the index is saved)", self.path)
        try:
            latest = dict(self.list_entries())  # if a name occurs twice, the later entry wins
        except DataError:
            raise
        except Exception:  # a damaged archive may raise anything
            raise DataError(
                f"{self.path} is not a readable {self.kind} archive. Is the download complete? The "
                f"file has {self.path.stat().st_size} bytes."
            ) from None
        listed = sorted(latest.items())
        self._warn_of_omitted(len(listed))
        entries = np.array([fields for _, fields in listed], ENTRY)
        names = NameTable.from_strings(name for name, _ in listed)
        self._save_index(entries, names, index_dir)
        return entries, names

    def _warn_of_omitted(self, listed: int) -> None:
        """Warn of images that are left out; raise DataError if all are."""
        if not self._omitted:
            return
        reasons = "; ".join(f"{count} {reason}" for reason, count in self._omitted.items())
        omitted = sum(self._omitted.values())
        text = f"{self.path}: {omitted} of {listed + omitted} images are left out: {reasons}"
        if not listed:
            raise DataError(text)
        logger.warning("%s", text)

    def other_content(self) -> str:
        """A sentence about the content of an archive without images."""
        if not self._other_names:
            return ""
        nested = [name for name in self._other_names if name.lower().endswith(NESTED)]
        if nested:
            return f" It contains the archive {nested[0]}: unpack that first."
        return f" It contains {kinds_of(self._other_names)}."

    def _identity(self) -> ndarray:
        """Format version, size and modification time of the archive that an index belongs to."""
        status = self.path.stat()
        return np.array([INDEX_VERSION, status.st_size, status.st_mtime_ns], np.int64)

    def _index_paths(self, index_dir: Path | None) -> list[Path]:
        beside = self.path.with_name(self.path.name + INDEX_SUFFIX)
        if index_dir is None:
            return [beside]
        # Archives with the same name in different folders must not share an index.
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
                    reasons, counts = arrays["reasons"].tolist(), arrays["counts"].tolist()
                    self._omitted = dict(zip(reasons, counts, strict=True))
                    entries = arrays["entries"]
                    names = NameTable(arrays["names"], arrays["name_ends"])
                self._warn_of_omitted(len(entries))
                return entries, names
            except DataError:
                raise
            except Exception as error:  # a damaged file may raise anything
                logger.warning("the index %s is damaged and will be rebuilt: %s", path, error)
        return None

    def _save_index(self, entries: ndarray, names: NameTable, index_dir: Path | None) -> None:
        """Save the index beside the archive or, if that is not possible, in `index_dir`."""
        arrays: dict[str, Any] = {"entries": entries, "names": names.blob, "name_ends": names.ends}
        arrays["reasons"] = np.array([*self._omitted], np.str_)
        arrays["counts"] = np.array([*self._omitted.values()], np.int64)
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
                logger.info("the index cannot be saved in %s: %s", path, error)
                with contextlib.suppress(OSError):
                    partial.unlink()
        logger.warning("the index of %s cannot be saved; each start will rebuild it", self.path)
