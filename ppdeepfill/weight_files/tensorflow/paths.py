# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Find the TensorFlow checkpoint that a path refers to."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ppdeepfill.errors import WeightsError, listed
from ppdeepfill.weight_files.tensorflow.sstable import MAGIC

STATE = "checkpoint"  # the text file in which TensorFlow notes the newest checkpoint of a folder
OF_FILES = r"\.(index|meta|data-\d+-of-\d+)$"  # how the other names of a checkpoint end
STATE_BYTES = 1 << 16  # enough: the newest stands on the first line


def find_index(path: Path) -> Path:
    """Return the file PREFIX.index of a checkpoint.

    Args:
        path: PREFIX, a file of the checkpoint (.index, .data-00000-of-00001, .meta), or its
            folder; if the folder has several, its file `checkpoint` says which one to use.

    Raises:
        WeightsError: there is no checkpoint, or several, or one in the old format V1.
    """
    path = Path(path)
    with _errors_named(path):
        if path.is_dir():
            index = _newest(path)
        elif path.name == STATE and path.is_file():
            index = _newest(path.parent)
        else:
            prefix = re.sub(OF_FILES, "", path.name)
            index = path.parent / f"{prefix}.index"
        if not index.is_file():
            raise WeightsError(_what_is_wrong(index))
        return index


def find_shard(index: Path, number: int, count: int) -> Path:
    """Return a data file in the same folder as the index.

    Raises:
        WeightsError: it is missing, or its number is not below their count.
    """
    if not 0 <= number < count:
        raise WeightsError(f"it refers to data file {number}, but there are {count}, from 0")
    shard = index.with_name(f"{index.stem}.data-{number:05d}-of-{count:05d}")
    if not shard.is_file():
        raise WeightsError(f"the values are in {shard.name}, which is missing from its folder")
    return shard


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """Turn file-system errors into a WeightsError about `path`."""
    try:
        yield
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error}") from error


def _newest(folder: Path) -> Path:
    if (folder / STATE).is_file():
        return folder / f"{_newest_name(folder / STATE)}.index"
    choices = sorted(folder.glob("*.index"))
    if len(choices) == 1:
        return choices[0]
    if not choices:
        raise WeightsError(
            f"expected a TensorFlow checkpoint in {folder}, but it has no .index file"
        )
    raise WeightsError(
        f"{folder} contains {len(choices)} TensorFlow checkpoints; choose one: {_listed(choices)}"
    )


def _newest_name(state: Path) -> str:
    """Return the name of the newest checkpoint, without its folder, possibly on another machine."""
    with state.open("rb") as file:
        text = file.read(STATE_BYTES).decode(errors="replace")
    found = re.search(r'^model_checkpoint_path: *"(?:.*[/\\])?([^"/\\]+)"', text, re.M)
    if not found:
        raise WeightsError(
            f"{state} names no checkpoint; give an .index file instead of the folder"
        )
    return found[1]


def _what_is_wrong(index: Path) -> str:
    prefix = index.parent / index.name.removesuffix(".index")
    if _ends_like_a_table(prefix):
        return (
            f"{prefix} is a checkpoint in TensorFlow's old format V1. Restore it in TensorFlow and "
            "save it with tf.compat.v1.train.Saver(), which writes V2 (.index and .data files)"
        )
    others = sorted(index.parent.glob("*.index"))
    there = f"there are {_listed(others)}" if others else "there are no other .index files either"
    return f"expected a TensorFlow checkpoint with the file {index}, which does not exist; {there}"


def _ends_like_a_table(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - len(MAGIC), 0))
        return file.read(len(MAGIC)) == MAGIC


def _listed(paths: list[Path]) -> str:
    return listed([path.name for path in paths])
