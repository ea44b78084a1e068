# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Build arrays of plain numbers, checking what a file declares against the bytes it has."""

import re
import reprlib
from math import prod
from typing import Any, Literal

import numpy as np
from numpy import ndarray

from ppdeepfill.errors import WeightsError

MAX_DIMENSIONS = 32  # limit of NumPy 1


def plain_type(code: Any) -> np.dtype:
    """Return the NumPy type for a code like `<f4`: boolean, integer or floating-point.

    Raises:
        WeightsError: any other type, in particular objects and structures.
    """
    if type(code) is not str or not re.fullmatch(r"[<>=|]?(b1|[iu][1248]|f[248])", code):
        raise WeightsError(f"arrays of type {reprlib.repr(code)}: only plain numbers are read")
    return np.dtype(code)


def counts(values: Any) -> tuple[int, ...]:
    """Return a tuple of non-negative integers: a shape, or strides.

    Raises:
        ValueError: it is anything else, or longer than an array can have dimensions.
    """
    if type(values) not in (tuple, list) or len(values) > MAX_DIMENSIONS:
        raise ValueError(f"a shape that is not a tuple of up to {MAX_DIMENSIONS} numbers")
    return tuple(count(value) for value in values)


def count(value: Any) -> int:
    """Return a non-negative integer within NumPy's range.

    Raises:
        ValueError: it is anything else.
    """
    if type(value) is not int or not 0 <= value < 2**62:
        raise ValueError(f"an invalid size, stride or offset: {reprlib.repr(value)}")
    return value


def array_from(
    content: bytes | bytearray | memoryview,
    dtype: np.dtype,
    shape: Any,
    *,
    order: Literal["C", "F"] = "C",
) -> ndarray:
    """Return a view of bytes as an array of the given shape.

    Raises:
        WeightsError: the number of bytes does not match the shape.
        ValueError: the shape is not valid.
    """
    shape = counts(shape)
    declared = prod(shape) * dtype.itemsize
    if declared != len(content):
        raise WeightsError(
            f"an array of shape {list(shape)} and type {dtype} needs {declared:,} bytes, "
            f"but the file has {len(content):,}"
        )
    return np.frombuffer(content, dtype).reshape(shape, order=order)
