# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Files of arrays with JSON metadata and checksums, the format of everything that we save.

In `.safetensors`, our metadata is an entry of the file's own; in `.pdparams`, which `paddle.load`
reads, it is an additional array.
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
OF_RECORD = "record_checksum"  # of the rest of the metadata; files of earlier versions have none
METADATA = "ppdeepfill"  # a single key, because several would be written in random order
_UNREADABLE = "its metadata cannot be read"
SUFFIXES = (".safetensors", ".pdparams")


def write_recorded(path: Path, arrays: Mapping[str, ndarray], metadata: Mapping) -> None:
    """Write arrays with metadata, and flush the file to disk.

    Args:
        path: ends in one of `SUFFIXES`.
        arrays: by name.
        metadata: JSON values.
    """
    header = {"format_version": FORMAT_VERSION, "checksum": _checksum(arrays)}
    record = {**header, **metadata}
    text = json.dumps({**record, OF_RECORD: _checksum_of_record(record)})
    if path.suffix == ".pdparams":
        stored = {**arrays, METADATA: np.frombuffer(text.encode(), np.uint8)}
        paddle.save({name: paddle.to_tensor(a) for name, a in stored.items()}, str(path))
    else:
        path.write_bytes(save(dict(arrays), metadata={METADATA: text}))
    synchronise(path)


def read_recorded(path: Path) -> tuple[dict, dict[str, ndarray]]:
    """Return metadata and arrays of a file written by `write_recorded`, without running code.

    Raises:
        CheckpointError: missing, damaged, or not written by this package.
    """
    if not path.is_file():
        raise CheckpointError(f"{path} is missing")
    text, arrays = _read(path)
    metadata = _parsed(text, path)
    if metadata.get("checksum") != _checksum(arrays):
        raise CheckpointError(f"{path} is damaged: its arrays do not match their checksum")
    return metadata, arrays


def is_recorded(path: Path) -> bool:
    """Return whether a weight file has our metadata.

    Raises:
        CheckpointError: it cannot be read at all.
    """
    text, _ = _read(path)
    return text is not None


def _read(path: Path) -> tuple[str | None, dict[str, ndarray]]:
    """Return the metadata as text (None if there is none) and the arrays."""
    try:
        arrays = read_arrays(path)
        if is_safetensors(path):
            with safe_open(path, framework="numpy") as file:
                return (file.metadata() or {}).get(METADATA), arrays
        stored = arrays.pop(METADATA, None)
        return (None if stored is None else stored.tobytes().decode()), arrays
    except WeightsError as error:
        raise CheckpointError(str(error)) from None
    except UnicodeDecodeError:
        raise CheckpointError(f"{path} is damaged: {_UNREADABLE}") from None


def _parsed(text: str | None, path: Path) -> dict:
    if text is None:
        raise CheckpointError(
            f"{path} was not written by ppdeepfill; convert weights of other implementations with "
            "`ppdeepfill convert`"
        )
    try:
        metadata = json.loads(text)
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict) or type(metadata.get("format_version")) is not int:
        raise CheckpointError(f"{path} is damaged: {_UNREADABLE}")
    if metadata["format_version"] > FORMAT_VERSION:
        raise CheckpointError(f"{path} was written by a newer version of ppdeepfill; update yours")
    checksum = metadata.pop(OF_RECORD, None)
    if checksum is not None and checksum != _checksum_of_record(metadata):
        raise CheckpointError(f"{path} is damaged: its metadata does not match its checksum")
    return metadata


def _checksum_of_record(metadata: Mapping) -> str:
    """Return the SHA-256 of JSON values, independent of their order."""
    values = json.loads(json.dumps(metadata))  # keys as they will be read
    text = json.dumps(values, sort_keys=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _checksum(arrays: Mapping[str, ndarray]) -> str:
    """Return the SHA-256 of names, types, shapes and numbers, independent of their order."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {arrays[name].shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8))
    return f"sha256:{digest.hexdigest()}"
