# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Reads what `torch.save` wrote, without PyTorch: the zip form since 1.6, and the older one.

A published file is nearly always of the older form: five pickles, then the numbers of each storage.
"""

import io
import mmap
import struct
import zipfile
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.pickled_arrays import PickledArray, arrays_within, counts
from ppdeepfill.weight_files.pickled_arrays import names as numpy_names
from ppdeepfill.weight_files.pickles import read_pickle

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of the older form
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
BIG_ENDIAN = "written on a big-endian machine; save it again on another one"


def read_torch_zip(path: Path) -> dict[str, ndarray]:
    """Arrays of the zip form, by name.

    Raises:
        WeightsError: damaged, compressed, or more than arrays.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_archive(archive, path.stat().st_size)
    except (zipfile.BadZipFile, RuntimeError, KeyError, EOFError, OSError) as error:
        raise WeightsError(f"damaged, or no file of PyTorch ({error})") from None


def read_torch_legacy(content: mmap.mmap) -> dict[str, ndarray]:
    """Arrays of the older form, by name.

    Raises:
        WeightsError: damaged, or more than arrays.
    """
    content.seek(0)
    magic, _, machine = (read_pickle(content, {}) for _ in range(3))
    if magic != LEGACY_MAGIC or not isinstance(machine, dict):
        raise WeightsError("no file of PyTorch")
    if machine.get("little_endian") is not True:
        raise WeightsError(BIG_ENDIAN)
    storages: dict[str, TorchStorage] = {}
    value = read_pickle(content, _names(), persistent=_storage_in(storages))
    keys = read_pickle(content, {})
    if not isinstance(keys, list) or sorted(map(str, keys)) != sorted(storages):
        raise WeightsError("damaged: its tensors and its storages are not the same")
    for key in keys:
        _fill(storages[key], content)
    return arrays_within(value)


class TorchStorage:
    """The numbers behind one or several tensors; they may lie further on in the file."""

    def __init__(self, kind: str, count: int):
        self.kind = kind
        self.count = count
        self.numbers: ndarray | None = None

    @property
    def dtype(self) -> np.dtype:
        return np.dtype("<u2" if self.kind == BFLOAT16 else self.kind)

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    def fill(self, content: bytes | memoryview) -> None:
        """Give it its bytes.

        Raises:
            WeightsError: another number of bytes than it declares.
        """
        if len(content) != self.count * self.itemsize:
            raise WeightsError(
                f"a tensor declares {self.count:,} numbers, but {len(content):,} bytes are there"
            )
        self.numbers = np.frombuffer(content, self.dtype)


class TorchTensor(PickledArray):
    """Stands for `torch._utils._rebuild_tensor_v2`: a view of a storage."""

    def __init__(self, storage: Any, offset: Any, shape: Any, strides: Any, *_: Any):
        if not isinstance(storage, TorchStorage):
            raise ValueError("a tensor without storage")
        self.storage = storage
        self.offset, *self.shape = counts((offset, *counts(shape)))
        self.strides = counts(strides)

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * (4 if self.storage.kind == BFLOAT16 else self.storage.itemsize)

    def array(self) -> ndarray:
        storage = self.storage
        if storage.numbers is None or prod(self.shape) > storage.count:
            raise WeightsError(
                f"a tensor of shape {self.shape} declares more numbers than the file holds"
            )
        size = storage.itemsize
        view = np.ndarray(  # refuses what would reach beyond the storage
            tuple(self.shape),
            storage.dtype,
            storage.numbers,
            self.offset * size,
            tuple(stride * size for stride in self.strides),
        )
        return _widened(view) if storage.kind == BFLOAT16 else view


def _read_archive(archive: zipfile.ZipFile, size: int) -> dict[str, ndarray]:
    entries = {entry.filename: entry for entry in archive.infolist()}
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values()):
        raise WeightsError("compressed; PyTorch writes its files without compression")
    if sum(entry.file_size for entry in entries.values()) > size:
        raise WeightsError("damaged: its parts declare more bytes than the file has")
    folder = next((name[:-9] for name in entries if name.endswith("/data.pkl")), None)
    if folder is None:
        raise WeightsError("no file of PyTorch: there is no data.pkl in it")
    if f"{folder}/byteorder" in entries and archive.read(f"{folder}/byteorder") != b"little":
        raise WeightsError(BIG_ENDIAN)
    storages: dict[str, TorchStorage] = {}
    pickled = io.BytesIO(archive.read(f"{folder}/data.pkl"))
    value = read_pickle(pickled, _names(), persistent=_storage_in(storages))
    for key, storage in storages.items():
        storage.fill(archive.read(f"{folder}/data/{key}"))
    return arrays_within(value)


def _storage_in(storages: dict[str, TorchStorage]) -> Callable[[Any], TorchStorage]:
    """What a persistent id stands for: ("storage", kind, key, device, count[, view])."""

    def storage_of(identity: Any) -> TorchStorage:
        if type(identity) is not tuple or len(identity) not in (5, 6) or identity[0] != "storage":
            raise WeightsError("it refers to something that is no storage of numbers")
        _, kind, key, _, count, *view = identity
        if (
            kind not in STORAGE_KINDS.values()
            or type(key) is not str
            or type(count) is not int
            or count < 0
        ):
            raise WeightsError("it refers to a storage of an unknown kind")
        if view not in ([], [None]):
            raise WeightsError("its storages are views of others; save it again with PyTorch 1.6+")
        storage = storages.setdefault(key, TorchStorage(kind, count))
        if (storage.kind, storage.count) != (kind, count):
            raise WeightsError("damaged: it describes one storage in two ways")
        return storage

    return storage_of


def _fill(storage: TorchStorage, content: mmap.mmap) -> None:
    """Take the count and the numbers of a storage from where the content stands."""
    start = content.tell() + 8
    size = storage.count * storage.itemsize
    if start + size > len(content):
        raise WeightsError("cut short: the numbers of a tensor are missing")
    (count,) = struct.unpack("<q", content.read(8))
    if count != storage.count:
        raise WeightsError("damaged: a storage has another size than declared")
    storage.fill(memoryview(content)[start : start + size])
    content.seek(start + size)


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
        raise ValueError("a parameter that is no tensor")
    return tensor


def _widened(bits: ndarray) -> ndarray:
    return (bits.astype(np.uint32) << 16).view(np.float32)
