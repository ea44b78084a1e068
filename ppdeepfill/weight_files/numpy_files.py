# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Read `.npz` files of plain arrays."""

import re
import zipfile

from numpy import ndarray

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.plain_arrays import array_from, plain_type

# A regular expression, because deep nesting can crash the Python parsers that NumPy uses.
_HEADER = re.compile(
    r"\{'descr': '([^']*)', *'fortran_order': (True|False), *'shape': \(([\d, L]*)\),? *\}\s*"
)
_SIZE_OF_LENGTH = {1: 2, 2: 4, 3: 4}  # by format version


def read_npz(archive: zipfile.ZipFile) -> dict[str, ndarray]:
    """Return the arrays of an `.npz` file by name; nothing is unpickled.

    Raises:
        WeightsError: the file is damaged, or an array contains anything but numbers.
    """
    return {
        name.removesuffix(".npy"): _read_array(archive.read(name), name)
        for name in archive.namelist()
    }


def _read_array(content: bytes, name: str) -> ndarray:
    if not content.startswith(b"\x93NUMPY") or content[6:7] not in (b"\x01", b"\x02", b"\x03"):
        raise WeightsError(f"{name}: not a NumPy array")
    start = 8 + _SIZE_OF_LENGTH[content[6]]
    end = start + int.from_bytes(content[8:start], "little")
    header = content[start:end].decode("latin-1")
    match = _HEADER.fullmatch(header)
    if match is None:
        raise WeightsError(
            f"{name}: only arrays of plain numbers are read; this is {header[:80]!r}"
        )
    code, is_column_major, sizes = match.groups()
    shape = [int(size) for size in re.findall(r"\d+", sizes)]
    order = "F" if is_column_major == "True" else "C"
    try:
        return array_from(memoryview(content)[end:], plain_type(code), shape, order=order)
    except ValueError as error:
        raise WeightsError(f"{name}: {error}") from None
