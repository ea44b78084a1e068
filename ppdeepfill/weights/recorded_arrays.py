# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Arrays and a JSON record in one file, with a checksum: the form of everything that is saved here.

`.safetensors` holds the record in its metadata; `.pdparams`, which `paddle.load` reads, holds it as
one more array.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import paddle
from numpy import ndarray
from safetensors import safe_open
from safetensors.numpy import save

from ppdeepfill.atomic_write import synchronise
from ppdeepfill.errors import CheckpointError, WeightsError
from ppdeepfill.weight_files import is_safetensors, read_arrays

FORMAT_VERSION = 1
RECORD = "ppdeepfill"  # the one metadata key; several would be written in random order
_UNREADABLE = "what describes its arrays cannot be read"
SUFFIXES = (".safetensors", ".pdparams")


def write_recorded(path: Path, arrays: Mapping[str, ndarray], record: Mapping) -> None:
    """Write arrays and what describes them, and put the file on disk.

    Args:
        path: ends in one of `SUFFIXES`.
        arrays: by name.
        record: what JSON can hold.
    """
    described = {"format_version": FORMAT_VERSION, "checksum": _checksum(arrays), **record}
    text = json.dumps(described)
    if path.suffix == ".pdparams":
        stored = {**arrays, RECORD: np.frombuffer(text.encode(), np.uint8)}
        paddle.save({name: paddle.to_tensor(a) for name, a in stored.items()}, str(path))
    else:
        path.write_bytes(save(dict(arrays), metadata={RECORD: text}))
    synchronise(path)


def read_recorded(path: Path) -> tuple[dict, dict[str, ndarray]]:
    """The record and the arrays of a file that `write_recorded` wrote. Runs no code.

    Raises:
        CheckpointError: missing, damaged, or not written by this package.
    """
    if not path.is_file():
        raise CheckpointError(f"{path} is missing")
    text, arrays = _read(path)
    record = _parsed(text, path)
    if record.get("checksum") != _checksum(arrays):
        raise CheckpointError(f"{path} is damaged: its arrays do not match their checksum")
    return record, arrays


def is_recorded(path: Path) -> bool:
    """Whether a file of weights has a record of ours.

    Raises:
        CheckpointError: it cannot be read at all.
    """
    text, _ = _read(path)
    return text is not None


def _read(path: Path) -> tuple[str | None, dict[str, ndarray]]:
    """The text of the record, None without one, and the arrays."""
    try:
        arrays = read_arrays(path)
        if is_safetensors(path):
            with safe_open(path, framework="numpy") as file:
                return (file.metadata() or {}).get(RECORD), arrays
        stored = arrays.pop(RECORD, None)
        return (None if stored is None else stored.tobytes().decode()), arrays
    except WeightsError as error:
        raise CheckpointError(str(error)) from None
    except UnicodeDecodeError:
        raise CheckpointError(f"{path} is damaged: {_UNREADABLE}") from None


def _parsed(text: str | None, path: Path) -> dict:
    if text is None:
        raise CheckpointError(
            f"{path} was not written by ppdeepfill; weights of other codes become usable by "
            "`ppdeepfill convert`"
        )
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or type(record.get("format_version")) is not int:
        raise CheckpointError(f"{path} is damaged: {_UNREADABLE}")
    if record["format_version"] > FORMAT_VERSION:
        raise CheckpointError(f"{path} was written by a newer ppdeepfill; update this one")
    return record


def _checksum(arrays: Mapping[str, ndarray]) -> str:
    """SHA-256 over names, types, shapes and numbers, whatever their order in the file."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {arrays[name].shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8))
    return f"sha256:{digest.hexdigest()}"
