# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Match photos with their masks, and name their results."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ppdeepfill.data.folders import FolderFiles
from ppdeepfill.data.names import IMAGE_SUFFIXES, comparable
from ppdeepfill.errors import DataError

MASK_ENDING = "_mask"  # the mask of photo.jpg: photo.png in another folder, or photo_mask.png


class Pair(NamedTuple):
    """A photo to fill.

    Attributes:
        image: its file.
        masks: the files that may be its mask, ideally one; None if there are no masks at all.
        name: path of the result inside the results folder.
    """

    image: Path
    masks: Sequence[Path] | None
    name: PurePosixPath

    def mask(self) -> Path | None:
        """Return the mask file; None if there are no masks at all.

        Raises:
            DataError: no mask, or more than one, belongs to this photo.
        """
        if self.masks is None:
            return None
        if not self.masks:
            raise DataError(
                f"no mask for {self.image}: the mask folder has no {self.name.stem}.png and no "
                f"{self.name.stem}{MASK_ENDING}.png in the same place, nor in another image format"
            )
        if len(self.masks) > 1:
            names = ", ".join(map(str, self.masks))
            raise DataError(f"several masks for {self.image}: {names}; keep only one")
        return self.masks[0]


def find_pairs(
    image_path: Path, mask_path: Path | None, save_dir: Path, labels: Path | None = None
) -> list[Pair]:
    """Find the photos at a path, and their masks.

    Args:
        image_path: a photo, or a folder of photos at any depth.
        mask_path: one mask for all, a folder of masks named like the photos, or None.
        save_dir: the results folder.
        labels: a label map or a folder of them. Label maps, masks and files in the results folder
            do not count as photos.

    Raises:
        DataError: a path does not exist, or the folder contains no photo.
    """
    for flag, path in (("--image_path", image_path), ("--mask_path", mask_path)):
        if path is not None and not path.exists():
            raise DataError(f"{flag}: no such file or folder: {path}")
    if not image_path.is_dir():
        images = [(image_path, PurePosixPath(image_path.name))]
    else:
        files = FolderFiles(image_path)
        files.log_skipped()
        images = [(image_path / name, name) for name in _paths(files)]
        others = [path for path in (save_dir, mask_path, labels) if path is not None]
        images = [image for image in images if not _lies_in(image[0], image_path, others)]
    pairs = _with_masks(images, mask_path)
    if not pairs:
        known = " ".join(sorted(IMAGE_SUFFIXES))
        raise DataError(f"--image_path: no image in folder {image_path} (looked for {known})")
    return pairs


def _with_masks(images: list[tuple[Path, PurePosixPath]], mask_path: Path | None) -> list[Pair]:
    if mask_path is None or not mask_path.is_dir():
        masks = None if mask_path is None else [mask_path]
        return [Pair(image, masks, name) for image, name in images]
    by_stem = defaultdict(list)
    for name in _paths(FolderFiles(mask_path)):
        by_stem[_stem(name)].append(mask_path / name)
    pairs = []
    for image, name in images:
        stem = _stem(name)
        same_name = [mask for mask in by_stem[stem] if not mask.parent.samefile(image.parent)]
        pairs.append(Pair(image, same_name or by_stem[stem + MASK_ENDING], name))
    taken = {mask for pair in pairs for mask in pair.masks}  # photos and masks in one folder
    return [pair for pair in pairs if pair.image not in taken]


def _paths(files: FolderFiles) -> list[PurePosixPath]:
    """Relative paths of the images in a folder."""
    return [PurePosixPath(files.names[index]) for index in range(len(files.names))]


def _stem(name: PurePosixPath) -> str:
    """The part of the name that a photo and its mask share."""
    return comparable(str(name.with_suffix("")))


def _lies_in(image: Path, folder: Path, others: list[Path]) -> bool:
    """Whether the image is, or lies in, one of the others; only those below `folder` count."""
    inside = [other.resolve() for other in others if folder.resolve() in other.resolve().parents]
    place = image.resolve()
    return any(other == place or other in place.parents for other in inside)
