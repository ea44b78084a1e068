# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The images in a folder, and what else is in it."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from ppdeepfill.data.names import NameTable, is_hidden, is_image_name, kinds_of

logger = logging.getLogger(__name__)


class FolderFiles:
    """The images in a folder and all folders below it, links followed.

    Attributes:
        passed_over: names of visible files without the ending of an image.
        not_files: names of images that are pipes, sockets, or links to nothing.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.passed_over: list[str] = []
        self.not_files: list[str] = []
        self.names = NameTable.from_strings(sorted(self._images()))

    def read_bytes(self, index: int) -> bytes:
        return (self.folder / self.names[index]).read_bytes()

    def tell_passed_over(self) -> None:
        """Say how much of the folder does not count."""
        if self.not_files:
            logger.warning(
                "%s: %d images are not read, as they are links to nothing or no files, such as %r",
                self.folder,
                len(self.not_files),
                self.not_files[0],
            )
        if self.passed_over:
            logger.warning(
                "%s: %d other files are passed over (%s)",
                self.folder,
                len(self.passed_over),
                kinds_of(self.passed_over),
            )

    def _images(self) -> Iterator[str]:
        for name, is_file in _walk(self.folder):
            if is_hidden(name):
                continue
            if not is_image_name(name):
                self.passed_over.append(name)
            elif is_file:
                yield name
            else:
                self.not_files.append(name)


def _walk(folder: Path) -> Iterator[tuple[str, bool]]:
    """Relative paths, with slashes, of all below that is no folder, and whether it is a file.

    Links are followed; one back up is entered once.
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
