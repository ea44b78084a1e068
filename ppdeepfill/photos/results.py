# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Names for results: they never overwrite an input, nor each other."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from ppdeepfill.atomic_write import check_writable, file_identity
from ppdeepfill.errors import DataError
from ppdeepfill.photos.pairs import Pair


class Results:
    """The results folder of a set of photos.

    Args:
        folder: where results go; created when the first one is written.
        pairs: the inputs.

    Raises:
        OutputError: the folder is not writable.
    """

    def __init__(self, folder: Path, pairs: Iterable[Pair]):
        self.folder = folder
        check_writable(folder, change="--save_dir")
        inputs = {path for pair in pairs for path in (pair.image, *(pair.masks or ()))}
        self._inputs = {file_identity(path) for path in inputs}
        self._owners: dict[Path, Path] = {}

    def reserve(self, pair: Pair, endings: Sequence[str]) -> list[Path]:
        """Return the result files of one photo: its name with each ending instead of its suffix.

        Raises:
            DataError: one of them is an input, or the result of another photo.
        """
        stem = self.folder / pair.name.with_suffix("")
        paths = [stem.with_name(stem.name + ending) for ending in endings]
        for path in paths:
            if path.exists() and file_identity(path) in self._inputs:
                raise DataError(
                    f"{path} is an input and must not be overwritten; change --save_dir"
                )
            if path in self._owners:
                raise DataError(
                    f"{path} would replace the result of {self._owners[path]}; rename {pair.image}"
                )
        self._owners |= dict.fromkeys(paths, pair.image)
        return paths
