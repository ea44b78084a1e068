# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Read `.safetensors` files of plain arrays."""

from numpy import ndarray
from safetensors import SafetensorError, deserialize

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.plain_arrays import array_from, plain_type

MAX_HEADER = 10_000_000  # bytes of JSON; the library needs twenty times as much memory to parse it

_CODES = {
    "BOOL": "|b1",
    **{f"{kind}{8 * size}": f"<{kind.lower()}{size}" for kind in "IU" for size in (1, 2, 4, 8)},
    **{f"F{8 * size}": f"<f{size}" for size in (2, 4, 8)},
}


def read_safetensors(content: bytes) -> dict[str, ndarray]:
    """Return the arrays of a `.safetensors` file by name.

    Raises:
        WeightsError: the file is damaged, or has a number type that NumPy lacks.
    """
    header = int.from_bytes(content[:8], "little")
    if MAX_HEADER < header < len(content):
        raise WeightsError(
            f"its header has {header:,} bytes; no network here has more than {MAX_HEADER:,}"
        )
    try:
        parts = deserialize(content)
    except SafetensorError as error:
        raise WeightsError(f"damaged, truncated, or not a safetensors file ({error})") from None
    return {name: _array(name, part) for name, part in parts}


def _array(name: str, part: dict) -> ndarray:
    """Build an array from its `dtype`, `shape` and `data`."""
    kind = part["dtype"]
    if kind not in _CODES:
        raise WeightsError(f"{name}: NumPy has no type {kind}; save the array as float32")
    try:
        return array_from(part["data"], plain_type(_CODES[kind]), part["shape"])
    except ValueError as error:
        raise WeightsError(f"{name}: {error}") from None
