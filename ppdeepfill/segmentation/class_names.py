# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Names and numbers of the classes of a segmentation."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ppdeepfill.config.text import unknown_name
from ppdeepfill.errors import ConfigError, DataError

LABELS = "labels.txt"  # in the folder of a data set, one name per line
PEOPLE = ("background", "person")
# Names of the classes in PaddleSeg's data sets, which its code only numbers. Data sets that are
# missing here, such as ADE20K, need a file.
KNOWN = {
    "Cityscapes": (
        *("road", "sidewalk", "building", "wall", "fence", "pole", "traffic light"),
        *("traffic sign", "vegetation", "terrain", "sky", "person", "rider", "car", "truck"),
        *("bus", "train", "motorcycle", "bicycle"),
    ),
    "PascalVOC": (
        *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat"),
        *("chair", "cow", "dining table", "dog", "horse", "motorbike", "person"),
        *("potted plant", "sheep", "sofa", "train", "tv monitor"),
    ),
    "EG1800": PEOPLE,
    "PPHumanSeg14K": PEOPLE,
    "SUPERVISELY": PEOPLE,
}


def read_names(labels: Path | None, dataset: Mapping[str, Any]) -> list[str]:
    """The names of classes 0, 1, ..., as far as they are known.

    Args:
        labels: a file with one name per line; None: labels.txt in the folder of the data set, or
            else `KNOWN`, by the type of the data set.
        dataset: the data set's section of a configuration.

    Raises:
        DataError: the file cannot be read, or is not UTF-8 text.
    """
    if labels is not None:
        return _read(labels)
    root = dataset.get("dataset_root")
    if isinstance(root, str) and (Path(root) / LABELS).is_file():
        return _read(Path(root) / LABELS)
    return list(KNOWN.get(str(dataset.get("type")), ()))


def class_numbers(wanted: Sequence[str], names: Sequence[str], count: int) -> list[int]:
    """The numbers of classes given by name or number.

    Args:
        wanted: names, in upper or lower case, or numbers.
        names: the names of classes 0, 1, ...
        count: how many classes the model has.

    Raises:
        ConfigError: the model has no such class, or its names are not known.
    """
    by_name = {_comparable(name): number for number, name in enumerate(names[:count]) if name}
    return [_number(text, by_name, count) for text in wanted]


def name_of(number: int, names: Sequence[str]) -> str:
    """The name of a class, or else `class N`."""
    return names[number] if number < len(names) and names[number] else f"class {number}"


def _number(text: str, by_name: Mapping[str, int], count: int) -> int:
    if text.isdecimal():
        if int(text) < count:
            return int(text)
        raise ConfigError(f"the model has the classes 0 to {count - 1}; got {text}")
    if _comparable(text) in by_name:
        return by_name[_comparable(text)]
    if not by_name:
        raise ConfigError(
            f"class {text!r}: the names of the classes are not known; give a number from 0 to "
            f"{count - 1}, or pass --seg_labels FILE with one name per line"
        )
    raise ConfigError(unknown_name("class", text, list(by_name)))


def _comparable(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())


def _read(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"--seg_labels: {path} cannot be read: {error}") from None
    return [line.strip() for line in lines]
