# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Reads `.npz` files of plain arrays."""

import zipfile
import zlib
from math import prod
from pathlib import Path

from numpy import ndarray
from numpy.lib import format as npy

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.limits import check_total


def read_npz(path: Path) -> dict[str, ndarray]:
    """Arrays of an `.npz` file by name; nothing is unpickled.

    Raises:
        WeightsError: damaged, or an array of something else than numbers.
    """
    arrays = {}
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            check_total(sum(entry.file_size for entry in entries))
            for entry in entries:
                name = entry.filename.removesuffix(".npy")
                if name in arrays:
                    raise WeightsError(f"damaged: {name} is there twice")
                arrays[name] = _read_array(archive, entry, name)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
        raise WeightsError(f"damaged ({error})") from None
    return arrays


def _read_array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> ndarray:
    """One array; its header is checked before memory is taken for what it declares."""
    try:
        with archive.open(entry) as stream:
            version = npy.read_magic(stream)
            read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
            shape, _, dtype = read_header[version](stream)
    except (ValueError, KeyError) as error:
        raise WeightsError(f"{name}: no array of NumPy ({error})") from None
    if dtype.hasobject or dtype.kind not in "biuf":
        raise WeightsError(f"{name}: holds {dtype} instead of numbers; nothing of it was read")
    if prod(shape) * dtype.itemsize > entry.file_size:
        raise WeightsError(f"{name}: declares the shape {list(shape)}, more than the file holds")
    with archive.open(entry) as stream:
        try:
            return npy.read_array(stream, allow_pickle=False)
        except ValueError as error:
            raise WeightsError(f"{name}: {error}") from None
