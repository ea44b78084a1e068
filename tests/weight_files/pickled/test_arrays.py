# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import collections
import io
import pickle
import struct

import numpy as np
import paddle
import pytest
from pickle_parts import BUILD, STOP, call, name, several

from ppdeepfill.weight_files.pickled.arrays import arrays_within, names
from ppdeepfill.weight_files.pickled.pickles import read_pickle

ARRAYS = {
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3) - 2.5,
    "column_major": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big_endian": np.arange(3, dtype=">f4"),
    "view": np.arange(12, dtype=np.int64)[1:8:3],
    "half": np.array([1.5, -2], np.float16),
    "mask": np.array([True, False]),
    "bytes": np.arange(256, dtype=np.uint8),
    "scalar": np.float32(3.5),
    "zero_dimensional": np.array(7),
    "empty": np.zeros((0, 3), np.float32),
}


def read(pickled: bytes):
    return arrays_within(read_pickle(io.BytesIO(pickled), names()))


def assert_same(found, expected):
    assert list(found) == list(expected)
    for key, value in expected.items():
        assert (found[key].dtype, found[key].shape) == (value.dtype, value.shape), key
        np.testing.assert_array_equal(found[key], value, err_msg=key)


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_of_numpy_are_read_as_they_were(protocol):
    assert_same(read(pickle.dumps(ARRAYS, protocol)), ARRAYS)


@pytest.mark.parametrize("protocol", range(6))
def test_nested_containers_give_dotted_names(protocol):
    one, two = np.ones(2), np.zeros((1, 2))
    value = collections.OrderedDict(G={"conv": one}, steps=[5, (two, None)], name="x")
    assert_same(read(pickle.dumps(value, protocol)), {"G.conv": one, "steps.1.0": two})


@pytest.mark.parametrize("protocol", range(4))
def test_numpy_2_and_its_names_are_read(protocol):
    old = pickle.dumps(ARRAYS, protocol)  # names have no length before protocol 4
    names_of_two = old.replace(b"cnumpy._core.", b"cnumpy.core.")
    assert_same(read(names_of_two), ARRAYS)
    assert_same(read(names_of_two.replace(b"cnumpy.core.", b"cnumpy._core.")), ARRAYS)


def python2_text(value: bytes, protocol: int) -> bytes:
    """Push `str` as Python 2 did."""
    if protocol == 0:
        return b"S" + repr(value)[1:].encode() + b"\n"
    return b"T" + struct.pack("<i", len(value)) + value


@pytest.mark.parametrize("protocol", [0, 2])
def test_the_text_of_python_2_is_bytes(protocol):
    held = ARRAYS["bytes"].tobytes()  # every byte there is, quotes and line ends too
    dtype = call("numpy.dtype", python2_text(b"u1", protocol), b"I0\n", b"I1\n")
    dtype += several(b"I3\n", python2_text(b"|", protocol), b"NNN", b"I-1\nI-1\nI0\n") + BUILD
    made = call(
        "numpy.core.multiarray._reconstruct",
        name("numpy.ndarray"),
        several(b"I0\n"),
        python2_text(b"b", protocol),
    )
    state = several(b"I1\n", several(b"L256L\n"), dtype, b"I00\n", python2_text(held, protocol))
    pickled = b"}" + python2_text(b"w", protocol) + made + state + BUILD + b"s" + STOP
    assert_same(read(pickled), {"w": ARRAYS["bytes"]})
    assert_same(pickle.loads(pickled, encoding="latin1"), {"w": ARRAYS["bytes"]})


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_what_paddle_saved_is_read(protocol, tmp_path):
    layer = paddle.nn.Sequential(
        ("conv", paddle.nn.Conv2D(2, 3, 3)), ("bn", paddle.nn.BatchNorm(3))
    )
    weights = layer.state_dict()
    nested = {"G": weights, "step": 3, "fixed": paddle.arange(4), "plain": np.ones(2)}
    expected = {
        **{f"G.{key}": value.numpy() for key, value in weights.items()},
        "fixed": np.arange(4),
        "plain": np.ones(2),
    }
    for value, arrays in (
        (weights, {k: v.numpy() for k, v in weights.items()}),
        (nested, expected),
    ):
        paddle.save(value, str(tmp_path / "w.pdparams"), protocol=protocol)
        assert_same(read((tmp_path / "w.pdparams").read_bytes()), arrays)
