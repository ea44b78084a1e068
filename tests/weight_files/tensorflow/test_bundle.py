# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Reading TensorFlow checkpoints."""

import hashlib

import numpy as np
import pytest
from weight_files import bundles
from weight_files.bundles import DTYPES, entry, message, write_bundle

from ppdeepfill.alignment.recipes import tensorflow_generator_weights
from ppdeepfill.errors import WeightsError
from ppdeepfill.networks import build_network
from ppdeepfill.weight_files.tensorflow.bundle import read_bundle
from ppdeepfill.weight_files.tensorflow.records import part_key
from ppdeepfill.weight_files.tensorflow.sstable import MAX_TABLE_BYTES
from ppdeepfill.weights.converters.deepfill_v1 import generator_from_tensorflow

ONES = np.ones((2, 3), np.float32)


@pytest.fixture
def arrays(rng):
    """Variables of every type, a scalar, an empty one, and enough names to share beginnings."""
    values = {f"net/conv{i}/kernel": rng.standard_normal((3, 3, 2, i % 4)) for i in range(40)}
    values |= {f"types/{dtype}": (100 * rng.random((2, 3))).astype(dtype) for dtype in DTYPES}
    return values | {"scalar": np.float32(3), "empty": np.zeros((0, 4), np.float32)}


def test_a_checkpoint_of_tensorflow_gives_its_weights(own_arrays):
    arrays, left_out = read_bundle(own_arrays / "tensorflow_checkpoint")
    expected = tensorflow_generator_weights(build_network("deepfill_v1", base_channels=2))
    weights = generator_from_tensorflow(arrays)
    assert set(weights) == set(expected) and not left_out
    for name, weight in expected.items():
        np.testing.assert_array_equal(weights[name], weight, strict=True)
    for layer in ("inpaint_net/conv1/kernel", "inpaint_net/conv1/bias"):
        np.testing.assert_array_equal(arrays[f"{layer}/Adam"], arrays[layer] / 2)
        np.testing.assert_array_equal(arrays[f"{layer}/Adam_1"], arrays[layer] ** 2)
    assert arrays["global_step"].dtype == np.int64 and arrays["global_step"] == 1234
    assert arrays["lr"].shape == () and arrays["lr"] == np.float32(1e-4)
    assert len(arrays) == len(expected) + 8


def test_the_full_checkpoint_of_the_reference_run(golden_dir):
    arrays = read_bundle(golden_dir / "tensorflow/checkpoint_random").arrays
    listing = (golden_dir / "tensorflow/variables_checkpoint_random.txt").read_text()
    lines = [line.split() for line in listing.splitlines() if not line.startswith("#")]
    assert {words[0] for words in lines} == set(arrays)
    for name, *_, digest in lines:
        assert hashlib.sha256(arrays[name].tobytes()).hexdigest()[:16] == digest, name


@pytest.mark.parametrize(
    "layout",
    [{}, {"shards": 3}, {"snappy": True}, {"snappy": True, "names_per_block": 7, "shards": 2}],
    ids=str,
)
def test_arrays_come_back_as_they_were(arrays, layout, tmp_path):
    bundle = read_bundle(write_bundle(tmp_path / "snap-0", arrays, **layout))
    assert bundle.left_out == {}
    assert set(bundle.arrays) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(bundle.arrays[name], array, strict=True)


def test_arrays_may_be_changed(tmp_path):
    bundle = read_bundle(write_bundle(tmp_path / "snap-0", {"w": ONES}))
    bundle.arrays["w"] += 1


def test_bfloat16_becomes_float32(tmp_path):
    upper_halves = np.array([0x3F80, 0xC010, 0x7F80], np.uint16)
    records = {b"w": entry(upper_halves, dtype=14)}
    array = read_bundle(write_bundle(tmp_path / "s", {"w": upper_halves}, records=records)).arrays[
        "w"
    ]
    np.testing.assert_array_equal(array, np.array([1, -2.25, np.inf], np.float32), strict=True)


def test_what_is_no_array_of_numbers_is_left_out_and_not_read(tmp_path):
    far = {"shard": 5, "start": 1 << 40}
    records = {b"text": entry(ONES, dtype=7, **far), b"odd": entry(ONES, dtype=99, **far)}
    bundle = read_bundle(write_bundle(tmp_path / "s", {"w": ONES}, records=records))
    assert list(bundle.arrays) == ["w"]
    assert bundle.left_out == {"text": "strings", "odd": "numbers of type 99"}


PARTS = {((0, 3), (0, -1)): np.s_[:3], ((3, 2), (0, -1)): np.s_[3:]}


def in_parts(whole: np.ndarray, parts: dict) -> tuple[dict, bytes]:
    """Arrays of parts by key, and the record of the whole."""
    arrays = {part_key("w", part): whole[region] for part, region in parts.items()}
    extents = [
        message(*((1, message((1, first), *([(2, n)] if n >= 0 else []))) for first, n in part))
        for part in parts
    ]
    sizes = bundles.shape(whole.shape)
    return arrays, message((1, 1), (2, sizes), *((7, extent) for extent in extents))


def test_a_variable_in_parts_is_put_together(rng, tmp_path):
    whole = rng.standard_normal((5, 4), np.float32)
    arrays, record = in_parts(whole, PARTS)
    prefix = write_bundle(tmp_path / "s", arrays | {"b": ONES}, shards=2, records={b"w": record})
    arrays = read_bundle(prefix).arrays
    assert set(arrays) == {"w", "b"}
    np.testing.assert_array_equal(arrays["w"], whole, strict=True)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({((0, 3), (0, -1)): np.s_[:3]}, "do not make up"),
        ({((0, 3), (0, -1)): np.s_[:3], ((1, 2), (0, -1)): np.s_[1:3]}, "overlap"),
        ({((0, 3), (0, -1)): np.s_[:3], ((4, 2), (0, -1)): np.s_[3:]}, "does not fit"),
        ({((0, 3),): np.s_[:3]}, "does not fit"),
        ({((0, 5), (0, -1)): np.s_[:4]}, r"is \[4, 4\]"),
    ],
)
def test_parts_that_do_not_make_a_whole_are_refused(parts, message, tmp_path):
    arrays, record = in_parts(np.ones((5, 4), np.float32), parts)
    prefix = write_bundle(tmp_path / "s", arrays, records={b"w": record})
    with pytest.raises(WeightsError, match=message):
        read_bundle(prefix)


def test_a_part_without_entry_is_refused(tmp_path):
    arrays, record = in_parts(np.ones((5, 4), np.float32), PARTS)
    arrays.popitem()
    with pytest.raises(WeightsError, match="part .* of w is missing"):
        read_bundle(write_bundle(tmp_path / "s", arrays, records={b"w": record}))


def record(**changes) -> bytes:
    """The record of ONES with other numbers in its fields."""
    fields = {
        "dtype": 1,
        "shape": (2, 3),
        "shard": 0,
        "start": 0,
        "size": 24,
        "checksum": 0,
    } | changes
    fields["shape"] = bundles.shape(fields["shape"])
    return message(*enumerate(fields.values(), start=1))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (record(), "bytes of w do not match their checksum"),
        (record(shape=(3, 3)), r"24 bytes, which is not \[3, 3\] of float32"),
        (record(dtype=2), "not .* of float64"),
        (record(shape=(-2, -3)), "cannot have the shape"),
        (record(shape=(1 << 62, 1 << 62, 6)), "cannot have the shape"),
        (record(shape=(0, 1 << 62), size=0), "cannot have the shape"),
        (record(shape=(1,) * 40), "cannot have the shape"),
        (record(size=1 << 50), "outside s.data-00000-of-00001, which has 24 bytes"),
        (record(size=-24), "outside"),
        (record(start=1), "outside"),
        (record(start=-8), "outside"),
        (record(start=(1 << 63) - 1), "outside"),
        (record(shard=1), "data file 1, but there are 1"),
        (record(shard=-1), "file -1"),
        (b"\xff" * 11, "longer than 10 bytes"),
    ],
)
def test_a_record_that_cannot_be_true_is_refused(changed, reason, tmp_path):
    prefix = write_bundle(tmp_path / "s", {"w": ONES}, records={b"w": changed})
    with pytest.raises(WeightsError, match=reason):
        read_bundle(prefix)


def test_variables_do_not_share_bytes(tmp_path):
    prefix = write_bundle(tmp_path / "s", {"a": ONES}, records={b"b": entry(ONES)})
    with pytest.raises(WeightsError, match="overlap"):
        read_bundle(prefix)


@pytest.mark.parametrize(
    ("records", "reason"),
    [({b"": None}, "no header"), ({b"\xff": entry(ONES[:0])}, "can't decode")],
)
def test_keys_that_cannot_be_are_refused(records, reason, tmp_path):
    prefix = write_bundle(tmp_path / "s", {"w": ONES}, records=records)
    with pytest.raises(WeightsError, match=reason):
        read_bundle(prefix)


def test_a_missing_file_is_named(tmp_path):
    prefix = write_bundle(tmp_path / "s", {"a": ONES, "b": ONES}, shards=2)
    (tmp_path / "s.data-00001-of-00002").unlink()
    with pytest.raises(WeightsError, match=r"s\.data-00001-of-00002, which is missing"):
        read_bundle(prefix)


def test_a_damaged_file_is_named_with_what_to_do(tmp_path):
    prefix = write_bundle(tmp_path / "s", {"w": ONES})
    content = bytearray((tmp_path / "s.data-00000-of-00001").read_bytes())
    content[5] ^= 1
    (tmp_path / "s.data-00000-of-00001").write_bytes(content)
    with pytest.raises(WeightsError, match=r"s\.index cannot be read: .* of w .*download"):
        read_bundle(prefix)


def test_a_large_file_is_not_taken_for_an_index(tmp_path):
    with (tmp_path / "s.index").open("wb") as file:
        file.truncate(MAX_TABLE_BYTES + 1)
    with pytest.raises(WeightsError, match="at most"):
        read_bundle(tmp_path / "s")
