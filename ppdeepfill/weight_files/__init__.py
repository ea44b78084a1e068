# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Read arrays from weight files, including untrusted ones, without running any code.

Files of PyTorch and PaddlePaddle are pickles: loaded the usual way, they can run arbitrary code.
Here, a file that contains more than arrays in plain containers is refused, and everything it
declares is checked against its actual bytes.
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
    """Return the arrays of a file by name; names of nested containers are joined by dots.

    Reads `.safetensors`, `.npz`, files from `paddle.save` and `torch.save`, and pickles of NumPy
    arrays. The format is recognised by content, not by suffix. Arrays may be read-only.

    Raises:
        WeightsError: the file is missing, damaged, in another format, or contains more than arrays.
    """
    path = Path(path)
    try:
        arrays = _arrays(_content(path))
        if not arrays:
            raise WeightsError("it contains no arrays")
        return arrays
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error.__cause__
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from None
    except MemoryError:
        raise WeightsError(f"{path} needs more memory than this machine has free") from None


def is_safetensors(path: Path) -> bool:
    """Return whether a file starts like a safetensors file: an eight-byte length, then JSON."""
    with path.open("rb") as file:
        return _begins_as_safetensors(file.read(9))


def _content(path: Path) -> bytes:
    """Read all bytes; a memory map would crash the process if the file were truncated meanwhile."""
    if not path.is_file():
        raise WeightsError(
            "this is a folder or a device" if path.exists() else "there is no such file"
        )
    size = path.stat().st_size
    check_total(size)
    if size == 0:  # also true for system files like /proc/kmsg, on which reading blocks
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
        raise WeightsError(f"not a weight file; supported: {FORMS} ({error})") from None
    return read_torch_legacy(content) if value == LEGACY_MAGIC else arrays_within(value)
