# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The images in a folder, and the files in it that are not images."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from ppdeepfill.data.names import NameTable, is_hidden, is_image_name, kinds_of

logger = logging.getLogger(__name__)


class FolderFiles:
    """The images in a folder and its subfolders, following links.

    Attributes:
        other_files: names of visible files that do not end like an image.
        not_files: names that end like an image but are pipes, sockets, or broken links.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.other_files: list[str] = []
        self.not_files: list[str] = []
        self.names = NameTable.from_strings(sorted(self._images()))

    def read_bytes(self, index: int) -> bytes:
        return (self.folder / self.names[index]).read_bytes()

    def log_skipped(self) -> None:
        """Warn of everything in the folder that is not used."""
        if self.not_files:
            logger.warning(
                "%s: skipped %d images that are broken links or not files, such as %r",
                self.folder,
                len(self.not_files),
                self.not_files[0],
            )
        if self.other_files:
            logger.warning(
                "%s: skipped %d other files (%s)",
                self.folder,
                len(self.other_files),
                kinds_of(self.other_files),
            )

    def _images(self) -> Iterator[str]:
        for name, is_file in _walk(self.folder):
            if is_hidden(name):
                continue
            if not is_image_name(name):
                self.other_files.append(name)
            elif is_file:
                yield name
            else:
                self.not_files.append(name)


def _walk(folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield (relative path with slashes, whether it is a file) of everything but folders.

    Follows links, but enters no folder twice.
    """
    entered = set()
    waiting = [""]
    while waiting:
        parent = waiting.pop()
        place = folder / parent
        real = os.path.realpath(place)
        if real in entered:
            continue
        entered.add(real)
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    name = f"{parent}/{entry.name}" if parent else entry.name
                    if entry.is_dir():
                        waiting.append(name)
                    else:
                        yield name, entry.is_file()
        except OSError as error:
            logger.warning("skipped unreadable folder %r: %s", error.filename, error.strerror)
