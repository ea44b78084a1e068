# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Arrays of plain numbers from bytes that are really there, whatever a file declares."""

import re
import reprlib
from math import prod
from typing import Any, Literal

import numpy as np
from numpy import ndarray

from ppdeepfill.errors import WeightsError

MAX_DIMENSIONS = 32  # what NumPy 1 can have


def plain_type(code: Any) -> np.dtype:
    """NumPy's type of a code like `<f4`: a boolean, integer or floating-point type.

    Raises:
        WeightsError: any other, objects and structures above all.
    """
    if type(code) is not str or not re.fullmatch(r"[<>=|]?(b1|[iu][1248]|f[248])", code):
        raise WeightsError(f"arrays of type {reprlib.repr(code)}: only plain numbers are read")
    return np.dtype(code)


def counts(values: Any) -> tuple[int, ...]:
    """A tuple of whole numbers from 0 on: a shape, or strides.

    Raises:
        ValueError: anything else, or more of them than an array has dimensions.
    """
    if type(values) not in (tuple, list) or len(values) > MAX_DIMENSIONS:
        raise ValueError(f"a shape that is no tuple of up to {MAX_DIMENSIONS} numbers")
    return tuple(count(value) for value in values)


def count(value: Any) -> int:
    """A whole number from 0 on that NumPy can count to.

    Raises:
        ValueError: anything else.
    """
    if type(value) is not int or not 0 <= value < 2**62:
        raise ValueError(f"a size, stride or offset that is no count: {reprlib.repr(value)}")
    return value


def array_from(
    content: bytes | bytearray | memoryview,
    dtype: np.dtype,
    shape: Any,
    *,
    order: Literal["C", "F"] = "C",
) -> ndarray:
    """A view of bytes as an array of a shape.

    Raises:
        WeightsError: the bytes are more or fewer than it declares.
        ValueError: the shape is none.
    """
    shape = counts(shape)
    declared = prod(shape) * dtype.itemsize
    if declared != len(content):
        raise WeightsError(
            f"an array of shape {list(shape)} and type {dtype} declares {declared:,} bytes, "
            f"but {len(content):,} are there"
        )
    return np.frombuffer(content, dtype).reshape(shape, order=order)
