# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import json
import struct

import numpy as np
import pytest
from safetensors.numpy import save

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.safetensors_files import read_safetensors

KINDS = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
KINDS += ["float16", "float32", "float64"]


def file_of(header: dict | bytes, numbers: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + numbers


def one(kind: str, shape: list[int], size: int) -> bytes:
    """A file with one array of zeros."""
    part = {"dtype": kind, "shape": shape, "data_offsets": [0, size]}
    return file_of({"w": part}, bytes(size))


def test_arrays_are_read_as_they_were_saved():
    arrays = {kind: np.arange(6).reshape(2, 3).astype(kind) for kind in KINDS}
    arrays |= {"scalar": np.array(1.5), "empty": np.zeros((0, 3))}
    found = read_safetensors(save(arrays, metadata={"x": "y"}))
    assert sorted(found) == sorted(arrays)
    for name, value in arrays.items():
        assert (found[name].dtype, found[name].shape) == (value.dtype, value.shape)
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (one("BF16", [2], 4), "w: NumPy has no type BF16; save the array as float32"),
        (one("F32", [1] * 33, 4), "w: a shape that is not a tuple of up to 32 numbers"),
        (one("F32", [0, 2**62], 0), "stride or offset: 46116"),
        (one("F32", [0, 2**61, 2**61], 0), "w: "),
    ],
)
def test_a_refusal_says_why(content, reason):
    with pytest.raises(WeightsError) as caught:
        read_safetensors(content)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        one("X9", [1], 8),
        one("F32", [2], 4),
        file_of(b'{"w":' + b"[" * 100_000),
        file_of({"__metadata__": {"a": 5}}),
        struct.pack("<Q", 2**63) + b"{",
        struct.pack("<Q", 100) + b"{}",
        b"\2",
    ],
)
def test_what_the_library_refuses_is_damaged(content):
    with pytest.raises(WeightsError, match="damaged, truncated, or not a safetensors file"):
        read_safetensors(content)


def test_a_long_table_of_names_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr("ppdeepfill.weight_files.safetensors_files.MAX_HEADER", 50)
    with pytest.raises(WeightsError, match="bytes; no network here has more than 50"):
        read_safetensors(one("F32", [1], 4))
