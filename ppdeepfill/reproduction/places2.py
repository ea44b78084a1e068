# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Find the images of Places2 on the user's disk, and check that they are complete.

Names, sizes and checksums of the archives: http://places2.csail.mit.edu/download.html, and
torchvision's dataset `Places365`.
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ppdeepfill.data import ImageSource, UnreadableImage, spread
from ppdeepfill.errors import DataError
from ppdeepfill.terminal.progress import progress

PAGE = "http://places2.csail.mit.edu/download.html"


class Archive(NamedTuple):
    """An archive of Places2 as published.

    Attributes:
        file: its file name.
        folders: the folder that it unpacks to, and torchvision's name for that folder.
        images: number of images in it.
        name: pattern for the paths of its images.
        size, md5: of the file, to show the user; reading hundreds of gigabytes to check them would
            take too long.
    """

    file: str
    folders: tuple[str, ...]
    images: int
    name: str
    size: str
    md5: str


OF_CATEGORY = r"(^|/)[a-z]/[a-z_]+(/[a-z_]+)?/\d{8}\.jpg$"
OF_VALIDATION = r"(^|/)Places365_val_\d{8}\.jpg$"
# Best first: the paper's authors crop from the high-resolution images.
ARCHIVES = {
    "train": (
        Archive(
            "train_large_places365standard.tar",
            ("data_large_standard", "data_large"),
            1_803_460,
            OF_CATEGORY,
            "105 GB",
            "67e186b496a84c929568076ed01a8aa1",
        ),
        Archive(
            "train_256_places365standard.tar",
            ("data_256_standard", "data_256"),
            1_803_460,
            OF_CATEGORY,
            "24 GB",
            "53ca1c756c3d1e7809517cc47c5561c5",
        ),
    ),
    "validation": (
        Archive(
            "val_large.tar",
            ("val_large",),
            36_500,
            OF_VALIDATION,
            "2.1 GB",
            "9b71c4993ad89d2d8bcbdc4aef38042f",
        ),
        Archive(
            "val_256.tar",
            ("val_256",),
            36_500,
            OF_VALIDATION,
            "501 MB",
            "e27b17d8d44f4af9a78502beb927f808",
        ),
    ),
}
DEEPEST = 2  # levels of subfolders to search


class Checked(NamedTuple):
    """A checked source of images.

    Attributes:
        spec: the source, as for data.train.
        count: number of images.
        sample: number of images that were read as a check.
        smallest: shortest side among those, in px; 0 if none could be read.
        notes: differences from what is published, one line each.
    """

    spec: str
    count: int
    sample: int
    smallest: int
    notes: list[str]


def find(folder: Path, part: str) -> Path | None:
    """Find the archive of a part ("train" or "validation"), or the folder that it unpacks to.

    Args:
        folder: folder to search, with `DEEPEST` levels of subfolders.
        part: key of `ARCHIVES`.
    """
    for archive in ARCHIVES[part]:
        for name in (archive.file, *archive.folders):
            for depth in range(DEEPEST + 1):
                found = sorted(folder.glob("*/" * depth + name))
                if found:
                    return found[0]
    return None


def missing(part: str) -> str:
    """Tell the user which archive to download."""
    best, other = ARCHIVES[part]
    return (
        f"download {best.file} ({best.size}, md5 {best.md5}) from {PAGE}; no need to unpack it. "
        f"{other.file} ({other.size}) also works, with less detail"
    )


def check(source: ImageSource, part: str, *, sample: int, image_size: int) -> Checked:
    """Compare a source with what is published, and read a sample of its images.

    Any source that can be used for training is accepted; differences become notes.

    Args:
        source: images of data.train or data.validation.
        part: "train" or "validation".
        sample: number of images to read, evenly spread.
        image_size: side of the crops in px.

    Raises:
        DataError: no image of the sample can be read.
    """
    published = next((a for a in ARCHIVES[part] if _stands_for(source.spec, a)), None)
    notes = list(_differences(source, published)) if published else [f"not an archive of {PAGE}"]
    indices = spread(len(source), sample)
    sides, broken = [], []
    for index in progress(indices, unit="image"):
        try:
            sides.append(min(source.read(index).shape[:2]))
        except UnreadableImage as error:
            broken.append(str(error))
    if not sides:
        raise DataError(f"none of {len(broken)} images can be read, for example: {broken[0]}")
    if broken:
        notes.append(f"{len(broken)} of {len(indices)} cannot be read, for example: {broken[0]}")
    small = sum(side < image_size for side in sides)
    if small:
        notes.append(f"{small} of {len(indices)} are below {image_size} px and will be enlarged")
    return Checked(source.spec, len(source), len(indices), min(sides), notes)


def _stands_for(spec: str, archive: Archive) -> bool:
    return Path(spec).name in (archive.file, *archive.folders)


def _differences(source: ImageSource, published: Archive) -> Iterator[str]:
    """Yield differences from the published archive: the number of images, and their names."""
    count = len(source)
    if count != published.images:
        yield (
            f"{count:,} images, but {published.file} has {published.images:,}: are download and "
            f"unpacking complete? Its md5 is {published.md5}"
        )
    names = [source.name(index).replace("\\", "/") for index in spread(count, 1000)]
    strange = [name for name in names if not re.search(published.name, name)]
    if strange:
        yield f"{published.file} has no image named like {PurePosixPath(strange[0])}"
    if "256" in published.file:
        yield "images of 256 px: the paper crops from the high-resolution images"
