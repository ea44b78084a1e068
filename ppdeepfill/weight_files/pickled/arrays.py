# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for the names that pickles of NumPy and PaddlePaddle refer to.

Neither library's own code is called: the functions here check every argument, and build arrays only
from bytes that the file really has.
"""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy import ndarray

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.limits import MAX_NAME, MAX_VALUES, check_total
from ppdeepfill.weight_files.pickled.pickles import add_pairs
from ppdeepfill.weight_files.plain_arrays import array_from, plain_type


class NumpyType:
    """Stands for `numpy.dtype`: a boolean, integer or floating-point type."""

    def __init__(self, code: Any, align: Any = False, copy: Any = True):
        self.dtype = plain_type(code)

    def set_state(self, state: Any) -> None:
        """Take the byte order from (version, byte order, ...); the rest is for structured types."""
        if type(state) is not tuple or len(state) < 5 or state[1] not in ("<", ">", "|", "="):
            raise ValueError("an unknown form of numpy.dtype")
        if any(part is not None for part in state[2:5]):
            raise WeightsError("structured arrays: only plain numbers are read")
        self.dtype = self.dtype.newbyteorder(state[1])


class PickledArray:
    """An array described by a pickle."""

    @property
    def nbytes(self) -> int:
        """The memory that `array` will need."""
        raise NotImplementedError

    def array(self) -> ndarray:
        """Return the array; it may be a view of the file.

        Raises:
            WeightsError, ValueError: it extends beyond the bytes of the file.
        """
        raise NotImplementedError


class NumpyArray(PickledArray):
    """Stands for an `ndarray`: empty when created, filled by its state."""

    def __init__(self, *_: Any):
        self.value = np.zeros(0, np.float32)

    def set_state(self, state: Any) -> None:
        """Take (version, shape, type, column-major order, bytes)."""
        if type(state) is not tuple or len(state) != 5:
            raise ValueError("an unknown form of numpy.ndarray")
        _, shape, kind, column_major, content = state
        self.value = _from_bytes(content, kind, shape, "F" if column_major is True else "C")

    @property
    def nbytes(self) -> int:
        return self.value.nbytes

    def array(self) -> ndarray:
        return self.value

    @classmethod
    def of_buffer(cls, content: Any, kind: Any, shape: Any, order: Any = "C") -> "NumpyArray":
        """Stands for `numpy.core.numeric._frombuffer`."""
        result = cls()
        result.value = _from_bytes(content, kind, shape, "F" if order == "F" else "C")
        return result

    @classmethod
    def of_scalar(cls, kind: Any, content: Any) -> "NumpyArray":
        """Stands for `numpy.core.multiarray.scalar`."""
        result = cls()
        result.value = _from_bytes(content, kind, (), "C")
        return result


def arrays_within(value: Any) -> dict[str, ndarray]:
    """Return the arrays in nested dicts and lists, named by the keys to them, joined by dots.

    Numbers, text and None between them are left out.

    Raises:
        WeightsError: more arrays than any network has, or one that extends beyond its bytes.
    """
    found: dict[str, PickledArray] = {}
    for number, (name, leaf) in enumerate(_leaves(value, "", depth=8)):
        if number == MAX_VALUES:
            raise WeightsError(f"more than {MAX_VALUES:,} values")
        if isinstance(leaf, PickledArray):
            if name in found:
                raise WeightsError(f"two arrays have the name {name}")
            found[name] = leaf
    check_total(sum(leaf.nbytes for leaf in found.values()))
    return {name: _array(name, leaf) for name, leaf in found.items()}


def names() -> dict[str, Any]:
    """Return our stand-in for every name that files of plain arrays need."""
    known: dict[str, Any] = {
        "collections.OrderedDict": _ordered_dict,
        "_codecs.encode": _encode,
        "numpy.dtype": NumpyType,
        "numpy.ndarray": "numpy.ndarray",
    }
    for core in ("numpy.core", "numpy._core"):  # NumPy 1 and 2
        known |= {
            f"{core}.multiarray._reconstruct": NumpyArray,
            f"{core}.multiarray.scalar": NumpyArray.of_scalar,
            f"{core}.numeric._frombuffer": NumpyArray.of_buffer,
        }
    for builtins in ("builtins", "__builtin__"):  # Python 3 and 2
        known[f"{builtins}.tuple"] = _named_array
        known[f"{builtins}.bytes"] = _no_bytes
    return known


def _leaves(value: Any, name: str, *, depth: int) -> Iterator[tuple[str, Any]]:
    """Yield (name, leaf); the caller limits how many, since shared containers can be endless."""
    if len(name) > MAX_NAME:
        raise WeightsError(f"the name {name[:40]}... is longer than {MAX_NAME} characters")
    if not isinstance(value, dict | list | tuple):
        yield name, value
    elif depth == 0:
        raise WeightsError("containers are nested deeper than in any network")
    else:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        empty = True
        for key, item in items:
            empty = False
            yield from _leaves(item, f"{name}.{key}" if name else str(key), depth=depth - 1)
        if empty:
            yield name, None


def _array(name: str, leaf: PickledArray) -> ndarray:
    try:
        return leaf.array()
    except (ValueError, TypeError, OverflowError) as error:
        raise WeightsError(f"{name}: {error}") from None


def _from_bytes(content: Any, kind: Any, shape: Any, order: Literal["C", "F"]) -> ndarray:
    if not isinstance(kind, NumpyType):
        raise WeightsError("arrays of objects: only plain numbers are read")
    if type(content) is str:  # Python 2 had no separate type for bytes
        content = content.encode("latin-1")
    if type(content) is not bytes:
        raise WeightsError("arrays of objects: only plain numbers are read")
    return array_from(content, kind.dtype, shape, order=order)


def _ordered_dict(pairs: Any = ()) -> dict:
    if type(pairs) not in (list, tuple) or any(len(pair) != 2 for pair in pairs):
        raise ValueError("items of a dict that are not pairs")
    result: dict = {}
    add_pairs(result, pairs)
    return result


def _encode(text: Any, encoding: Any) -> bytes:
    """Decode bytes in the form in which protocol 2 writes them."""
    if type(text) is not str or encoding not in ("latin1", "latin-1"):
        raise ValueError("text that does not encode bytes")
    return text.encode("latin-1")


def _no_bytes() -> bytes:
    """Stands for `bytes`, which protocol 2 calls for the bytes of an empty array."""
    return b""


def _named_array(pair: Any) -> NumpyArray:
    """Stands for `tuple`: Paddle stores a tensor as (its name, array)."""
    if type(pair) is not tuple or len(pair) != 2 or not isinstance(pair[1], NumpyArray):
        raise ValueError("a tensor that is not a pair of name and array")
    return pair[1]
