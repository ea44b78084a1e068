# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Millions of file names in two arrays instead of millions of Python strings."""

from collections.abc import Iterable
from pathlib import PurePosixPath

import numpy as np
from numpy import ndarray

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


class NameTable:
    """A read-only list of names, kept as one blob of UTF-8 bytes and the end of each name in it.

    Worker processes share the two arrays with their parent: reading them touches no reference
    count, so no memory page is copied.
    """

    def __init__(self, blob: ndarray, ends: ndarray):
        self.blob, self.ends = blob, ends

    @classmethod
    def from_strings(cls, names: Iterable[str]) -> "NameTable":
        # surrogateescape: names on disk need not be valid UTF-8
        encoded = [name.encode("utf-8", "surrogateescape") for name in names]
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        return cls(np.frombuffer(b"".join(encoded), np.uint8), np.cumsum(lengths))

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> str:
        start = int(self.ends[index - 1]) if index else 0
        return self.blob[start : int(self.ends[index])].tobytes().decode("utf-8", "surrogateescape")


def is_image_name(name: str) -> bool:
    """True for a visible file with the ending of an image; `name` is relative, with slashes."""
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return path.suffix.lower() in IMAGE_SUFFIXES and not hidden
