# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Which files are images, when two names are one, and millions of names in two arrays."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

import numpy as np
from numpy import ndarray

# The one list of formats by ending; what a file is in truth, its content decides.
IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".bmp", ".dib", ".webp"}
    | {".tif", ".tiff", ".gif", ".avif"}
)
KINDS_NAMED = 5


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
    """True for a visible file with the ending of an image; `name` is relative, with slashes.

    A name with a slash at its end is a folder's, whatever it is called.
    """
    suffix = PurePosixPath(name).suffix.lower()
    return suffix in IMAGE_SUFFIXES and not name.endswith("/") and not is_hidden(name)


def is_hidden(name: str) -> bool:
    """True for what begins with a dot, or lies in such a folder or in one of macOS's archives."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def comparable(name: str) -> str:
    """The form in which two names are compared: macOS writes accents as characters of their own."""
    return unicodedata.normalize("NFC", name)


def kinds_of(names: Iterable[str]) -> str:
    """How many files there are of each ending, such as `3 .txt, 1 .heic`."""
    kinds = Counter(PurePosixPath(name).suffix.lower() or "without ending" for name in names)
    named = [f"{count} {kind}" for kind, count in kinds.most_common(KINDS_NAMED)]
    rest = kinds.total() - sum(count for _, count in kinds.most_common(KINDS_NAMED))
    return ", ".join([*named, f"{rest} others"] if rest else named)
