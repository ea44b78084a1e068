# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The folders of AI Studio, or substitutes on other machines."""

from pathlib import Path
from typing import NamedTuple

from ppdeepfill.reproduction import places2

HOME = Path("/home/aistudio")
ARCHIVES = (".zip", ".tar")


class Workplace(NamedTuple):
    """Folders to read from and to write to.

    Attributes:
        work: survives a restart of the project; runs and results belong here.
        data: datasets are mounted here; anything else in it is lost with a restart.
    """

    work: Path
    data: Path

    def training_images(self) -> str:
        """Return the source for data.train: Places2, or else the largest archive in `data`.

        If there is neither, the photographs that come with the installed packages.
        """
        places = places2.find(self.data, "train")
        if places is not None:
            return str(places)
        archives = [file for file in self.data.rglob("*") if file.suffix.lower() in ARCHIVES]
        if archives:
            return str(max(archives, key=lambda file: file.stat().st_size))
        return "bundled:train"


def find_workplace(home: Path = HOME) -> Workplace:
    """Return AI Studio's folders if there are any, else output and data in the current folder."""
    if (home / "work").is_dir():
        return Workplace(home / "work", home / "data")
    return Workplace(Path("output"), Path("data"))
