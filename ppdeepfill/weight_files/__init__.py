# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Reads arrays from files of weights, whoever wrote them. Reading runs no code.

Files of PyTorch and PaddlePaddle are pickles: loaded the usual way, they may do anything. Here a
file that holds more than arrays in plain containers is refused, and whatever it declares is checked
against the bytes that are there.
"""

import io
from pathlib import Path

from numpy import ndarray

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.limits import check_total
from ppdeepfill.weight_files.numpy_files import read_npz
from ppdeepfill.weight_files.pickled.arrays import arrays_within, names
from ppdeepfill.weight_files.pickled.pickles import read_pickle
from ppdeepfill.weight_files.pickled.torch_files import (
    LEGACY_MAGIC,
    read_torch_legacy,
    read_torch_zip,
)
from ppdeepfill.weight_files.safetensors_files import read_safetensors
from ppdeepfill.weight_files.zip_files import opened_zip

FORMS = ".safetensors, .npz, .pdparams, .pt, .pth and .p"


def read_arrays(path: str | Path) -> dict[str, ndarray]:
    """The arrays of a file by name; the names of nested containers are joined by dots.

    Reads `.safetensors`, `.npz`, what `paddle.save` and `torch.save` wrote, and pickles of NumPy
    arrays. The content decides, not the ending. Arrays may be read-only.

    Raises:
        WeightsError: missing, damaged, of another form, or with more in it than arrays.
    """
    path = Path(path)
    try:
        arrays = _arrays(_content(path))
        if not arrays:
            raise WeightsError("there is no array in it")
        return arrays
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error.__cause__
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from None
    except MemoryError:
        raise WeightsError(f"{path} takes more memory than is free on this machine") from None


def is_safetensors(path: Path) -> bool:
    """Whether a file begins as a safetensors file: eight bytes of length, then JSON."""
    with path.open("rb") as file:
        return _begins_as_safetensors(file.read(9))


def _content(path: Path) -> bytes:
    """All bytes of a file: who maps a file into memory dies if somebody cuts it meanwhile."""
    if not path.is_file():
        raise WeightsError(
            "this is a folder or a device" if path.exists() else "there is no such file"
        )
    size = path.stat().st_size
    check_total(size)
    if size == 0:  # also for files of the system like /proc/kmsg, which block their reader
        raise WeightsError("the file is empty")
    with path.open("rb") as file:
        return file.read(size)


def _arrays(content: bytes) -> dict[str, ndarray]:
    if content.startswith(b"PK"):
        with opened_zip(content) as archive:
            is_numpy = all(name.endswith(".npy") for name in archive.namelist())
            return read_npz(archive) if is_numpy else read_torch_zip(archive)
    if _begins_as_safetensors(content):
        return read_safetensors(content)
    return _read_pickled(content)


def _begins_as_safetensors(content: bytes) -> bool:
    return content[8:9] == b"{"


def _read_pickled(content: bytes) -> dict[str, ndarray]:
    try:
        value = read_pickle(io.BytesIO(content), names())
    except WeightsError as error:
        if content.startswith(b"\x80"):
            raise
        raise WeightsError(f"no file of weights; known are {FORMS} ({error})") from None
    return read_torch_legacy(content) if value == LEGACY_MAGIC else arrays_within(value)
