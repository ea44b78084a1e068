# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Read files of `torch.save` without PyTorch: the zip format since 1.6, and the older one.

Published files are nearly always in the older format: five pickles, then the numbers of each
storage.
"""

import io
import zipfile
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.pickled.arrays import PickledArray, arrays_within
from ppdeepfill.weight_files.pickled.arrays import names as numpy_names
from ppdeepfill.weight_files.pickled.pickles import read_pickle
from ppdeepfill.weight_files.plain_arrays import array_from, count, counts

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of the older format
BFLOAT16 = "bfloat16"  # NumPy has no such type: kept as 16 bits, widened to float32 at the end
STORAGE_KINDS = {
    "torch.FloatStorage": "<f4",
    "torch.DoubleStorage": "<f8",
    "torch.HalfStorage": "<f2",
    "torch.BFloat16Storage": BFLOAT16,
    "torch.LongStorage": "<i8",
    "torch.IntStorage": "<i4",
    "torch.ShortStorage": "<i2",
    "torch.CharStorage": "<i1",
    "torch.ByteStorage": "<u1",
    "torch.BoolStorage": "|b1",
}
BIG_ENDIAN = "written on a big-endian machine; save it again on a little-endian one"


def read_torch_zip(archive: zipfile.ZipFile) -> dict[str, ndarray]:
    """Return the arrays of a file in the zip format, by name.

    Raises:
        WeightsError: not a PyTorch file, a whole program, or contains more than arrays.
    """
    names = archive.namelist()
    folder = next((name[:-9] for name in names if name.endswith("/data.pkl")), None)
    if folder is None:
        raise WeightsError("not a PyTorch file: it contains no data.pkl")
    if f"{folder}/constants.pkl" in names:
        raise WeightsError(
            "a TorchScript program, which contains code; save its state_dict() with torch.save"
        )
    if f"{folder}/byteorder" in names and archive.read(f"{folder}/byteorder") != b"little":
        raise WeightsError(BIG_ENDIAN)
    storages: dict[str, TorchStorage] = {}
    pickled = io.BytesIO(archive.read(f"{folder}/data.pkl"))
    value = read_pickle(pickled, _names(), persistent=_storage_in(storages))
    for key, storage in storages.items():
        storage.fill(archive.read(f"{folder}/data/{key}"))
    return arrays_within(value)


def read_torch_legacy(content: bytes) -> dict[str, ndarray]:
    """Return the arrays of a file in the older format, by name.

    Raises:
        WeightsError: damaged, or contains more than arrays.
    """
    stream = io.BytesIO(content)
    magic, _, machine = (read_pickle(stream, {}) for _ in range(3))
    if magic != LEGACY_MAGIC or not isinstance(machine, dict):
        raise WeightsError("not a PyTorch file")
    if machine.get("little_endian") is not True:
        raise WeightsError(BIG_ENDIAN)
    storages: dict[str, TorchStorage] = {}
    value = read_pickle(stream, _names(), persistent=_storage_in(storages))
    keys = read_pickle(stream, {})
    if type(keys) is not list or any(type(key) is not str for key in keys):
        raise WeightsError("damaged: its storages have no names")
    if sorted(keys) != sorted(storages):
        raise WeightsError("damaged: its tensors and its storages do not match")
    position = stream.tell()
    for key in keys:
        position = _fill(storages[key], content, position)
    return arrays_within(value)


class TorchStorage:
    """The numbers behind one or several tensors; they may come later in the file."""

    def __init__(self, kind: str, size: int):
        self.kind = kind
        self.size = size  # in numbers
        self.numbers: ndarray | None = None

    @property
    def dtype(self) -> np.dtype:
        return np.dtype("<u2" if self.kind == BFLOAT16 else self.kind)

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    def fill(self, content: bytes | memoryview) -> None:
        """Set the storage's bytes.

        Raises:
            WeightsError: their number differs from the declared one.
        """
        self.numbers = array_from(content, self.dtype, (self.size,))


class TorchTensor(PickledArray):
    """Stands for `torch._utils._rebuild_tensor_v2`: a view of a storage."""

    def __init__(self, storage: Any, offset: Any, shape: Any, strides: Any, *_: Any):
        if not isinstance(storage, TorchStorage):
            raise ValueError("a tensor without storage")
        self.storage = storage
        self.offset = count(offset)
        self.shape = counts(shape)
        self.strides = counts(strides)
        if len(self.shape) != len(self.strides):
            raise ValueError("a tensor whose shape and strides differ in length")

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * (4 if self.storage.kind == BFLOAT16 else self.storage.itemsize)

    def array(self) -> ndarray:
        storage = self.storage
        if storage.numbers is None or max(prod(self.shape), self._end_in_storage()) > storage.size:
            raise WeightsError(
                f"a tensor of shape {list(self.shape)} extends beyond the numbers in the file"
            )
        size = storage.itemsize
        strides = tuple(stride * size for stride in self.strides)
        view = np.ndarray(self.shape, storage.dtype, storage.numbers, self.offset * size, strides)
        return _bfloat16_to_float32(view) if storage.kind == BFLOAT16 else view

    def _end_in_storage(self) -> int:
        """Return the index after its last number in the storage; NumPy's own check can overflow."""
        if prod(self.shape) == 0:
            return self.offset
        steps = (
            (length - 1) * stride for length, stride in zip(self.shape, self.strides, strict=True)
        )
        return self.offset + sum(steps) + 1


def _storage_in(storages: dict[str, TorchStorage]) -> Callable[[Any], TorchStorage]:
    """Return a function from a persistent id to its storage.

    A persistent id is ("storage", kind, key, device, count[, view]).
    """

    def storage_of(identity: Any) -> TorchStorage:
        if type(identity) is not tuple or len(identity) not in (5, 6) or identity[0] != "storage":
            raise WeightsError("it refers to something that is not a storage of numbers")
        _, kind, key, _, size, *view = identity
        if kind not in STORAGE_KINDS.values() or type(key) is not str:
            raise WeightsError("it refers to a storage of an unknown kind")
        if view not in ([], [None]):
            raise WeightsError("its storages are views of others; save it again with PyTorch 1.6+")
        storage = storages.setdefault(key, TorchStorage(kind, count(size)))
        if (storage.kind, storage.size) != (kind, size):
            raise WeightsError("damaged: it describes the same storage in two ways")
        return storage

    return storage_of


def _fill(storage: TorchStorage, content: bytes, position: int) -> int:
    """Read a storage's count and numbers from a position; return where they end."""
    start = position + 8
    end = start + storage.size * storage.itemsize
    if end > len(content):
        raise WeightsError("truncated: the numbers of a tensor are missing")
    if int.from_bytes(content[position:start], "little") != storage.size:
        raise WeightsError("damaged: a storage does not have its declared size")
    storage.fill(memoryview(content)[start:end])
    return end


def _names() -> dict[str, Any]:
    return {
        **numpy_names(),
        **STORAGE_KINDS,
        "torch._utils._rebuild_tensor": TorchTensor,
        "torch._utils._rebuild_tensor_v2": TorchTensor,
        "torch._utils._rebuild_parameter": _parameter,
        "torch.Size": counts,
    }


def _parameter(tensor: Any, *_: Any) -> TorchTensor:
    if not isinstance(tensor, TorchTensor):
        raise ValueError("a parameter that is not a tensor")
    return tensor


def _bfloat16_to_float32(bits: ndarray) -> ndarray:
    return (bits.astype(np.uint32) << 16).view(np.float32)
