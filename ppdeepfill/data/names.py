# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""File names: which are images, when two names are the same, and how to store millions of them."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

import numpy as np
from numpy import ndarray

# The only list of image endings. The content decides what format a file really has.
IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".bmp", ".dib", ".webp"}
    | {".tif", ".tiff", ".gif", ".avif"}
)
KINDS_NAMED = 5


class NameTable:
    """A read-only list of names, stored as one blob of UTF-8 bytes and the end of each name in it.

    Worker processes share the two arrays with their parent: reading them changes no reference
    counts, so no memory page is copied.
    """

    def __init__(self, blob: ndarray, ends: ndarray):
        self.blob, self.ends = blob, ends

    @classmethod
    def from_strings(cls, names: Iterable[str]) -> "NameTable":
        # surrogateescape, because names on disk may not be valid UTF-8
        encoded = [name.encode("utf-8", "surrogateescape") for name in names]
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        return cls(np.frombuffer(b"".join(encoded), np.uint8), np.cumsum(lengths))

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> str:
        start = int(self.ends[index - 1]) if index else 0
        return self.blob[start : int(self.ends[index])].tobytes().decode("utf-8", "surrogateescape")


def is_image_name(name: str) -> bool:
    """Whether a visible file ends like an image; `name` is a relative path with slashes.

    A name that ends with a slash is a folder.
    """
    suffix = PurePosixPath(name).suffix.lower()
    return suffix in IMAGE_SUFFIXES and not name.endswith("/") and not is_hidden(name)


def is_hidden(name: str) -> bool:
    """Whether a name, or a folder it lies in, begins with a dot or is macOS's __MACOSX."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def comparable(name: str) -> str:
    """The form in which to compare names: macOS stores accents as separate characters."""
    return unicodedata.normalize("NFC", name)


def kinds_of(names: Iterable[str]) -> str:
    """Count files by ending, such as `3 .txt, 1 .heic`."""
    kinds = Counter(PurePosixPath(name).suffix.lower() or "without ending" for name in names)
    most = dict(kinds.most_common(KINDS_NAMED))
    named = [f"{count} {kind}" for kind, count in most.items()]
    rest = kinds.total() - sum(most.values())
    return ", ".join([*named, f"{rest} others"] if rest else named)
