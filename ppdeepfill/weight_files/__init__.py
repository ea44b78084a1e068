# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Reads arrays from files of weights, whoever wrote them. Reading runs no code.

Files of PyTorch and PaddlePaddle are pickles: loaded the usual way, they may do anything. Here a
file that holds more than arrays in plain containers is refused, and whatever it declares is checked
against the bytes that are there.
"""

import mmap
import zipfile
from collections.abc import Callable
from pathlib import Path

from numpy import ndarray
from safetensors import SafetensorError, safe_open

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.limits import check_total
from ppdeepfill.weight_files.numpy_files import read_npz
from ppdeepfill.weight_files.pickled_arrays import arrays_within, names
from ppdeepfill.weight_files.pickles import read_pickle
from ppdeepfill.weight_files.torch_files import LEGACY_MAGIC, read_torch_legacy, read_torch_zip

FORMS = ".safetensors, .npz, .pdparams, .pt, .pth and .p"


def read_arrays(path: str | Path) -> dict[str, ndarray]:
    """The arrays of a file by name; the names of nested containers are joined by dots.

    Reads `.safetensors`, `.npz`, what `paddle.save` and `torch.save` wrote, and pickles of NumPy
    arrays. The content decides, not the ending. Arrays may be views of the file and read-only.

    Raises:
        WeightsError: missing, damaged, of another form, or with more in it than arrays.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"{path} is {'no file' if path.exists() else 'missing'}")
    try:
        return _reader(path)(path)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error.__cause__
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from None


def is_safetensors(path: Path) -> bool:
    """Whether a file begins as a safetensors file: eight bytes of length, then JSON."""
    return _beginning(path)[8:] == b"{"


def _reader(path: Path) -> Callable[[Path], dict[str, ndarray]]:
    beginning = _beginning(path)
    if not beginning:
        raise WeightsError("the file is empty")
    if beginning.startswith(b"PK"):
        return _read_zip
    return _read_safetensors if is_safetensors(path) else _read_pickled


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(9)


def _read_zip(path: Path) -> dict[str, ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            is_numpy = all(name.endswith(".npy") for name in archive.namelist())
    except zipfile.BadZipFile as error:
        raise WeightsError(f"damaged or cut short ({error})") from None
    return read_npz(path) if is_numpy else read_torch_zip(path)


def _read_safetensors(path: Path) -> dict[str, ndarray]:
    check_total(path.stat().st_size)
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 not a dict
    except SafetensorError as error:
        raise WeightsError(f"damaged, cut short, or no safetensors file ({error})") from None


def _read_pickled(path: Path) -> dict[str, ndarray]:
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        value = read_pickle(content, names())
    except WeightsError as error:
        if content[:1] == b"\x80":
            raise
        raise WeightsError(f"no file of weights; known are {FORMS} ({error})") from None
    return read_torch_legacy(content) if value == LEGACY_MAGIC else arrays_within(value)
