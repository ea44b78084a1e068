# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Instructions of pickles, for files that no honest program writes."""

import struct

STOP, MARK, REDUCE, BUILD = b".", b"(", b"R", b"b"
START = b"\x80\x02"


def name(full: str) -> bytes:
    """Push what `module.name` stands for."""
    module, _, last = full.rpartition(".")
    return f"c{module}\n{last}\n".encode()


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def number(value: int) -> bytes:
    """Push a whole number of up to 20 bytes."""
    return b"\x8a\x14" + value.to_bytes(20, "little", signed=True)


def content(value: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(value)) + value


def pair(key: str, value: bytes) -> bytes:
    """A dict with one item."""
    return b"}" + text(key) + value + b"s"


def several(*values: bytes) -> bytes:
    """Push a tuple."""
    return MARK + b"".join(values) + b"t"


def numbers(*values: int) -> bytes:
    return several(*map(number, values))


def call(function: str, *arguments: bytes) -> bytes:
    return name(function) + several(*arguments) + REDUCE


def doubled(times: int = 64) -> bytes:
    """Push a list that is small in memory, and 2 to the power of `times` long when written out."""
    return b"]q\x00" + b"0](h\x00h\x00eq\x00" * times


def deep(depth: int = 20_000) -> bytes:
    """Push a list in a list in a list."""
    return b"]" * depth + b"a" * (depth - 1)


EMPTY_ARRAY = call("numpy.core.multiarray._reconstruct", name("numpy.ndarray"), numbers(0), b"N")
FLOAT32 = call("numpy.dtype", text("f4"), b"K\x00", b"K\x01")


def array(shape: bytes, held: bytes, *, dtype: bytes = FLOAT32) -> bytes:
    """Push an array as NumPy pickles it: made empty, then given its state."""
    return EMPTY_ARRAY + several(b"K\x01", shape, dtype, b"\x89", held) + BUILD


def storage(size: bytes, *, kind: str = "FloatStorage", key: str = "0") -> bytes:
    """Push a storage of PyTorch by its persistent id."""
    return several(text("storage"), name(f"torch.{kind}"), text(key), text("cpu"), size) + b"Q"


def tensor(held: bytes, offset: int, shape: bytes, strides: bytes) -> bytes:
    return call("torch._utils._rebuild_tensor_v2", held, number(offset), shape, strides)
