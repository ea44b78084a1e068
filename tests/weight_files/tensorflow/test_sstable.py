# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Sorted tables as in LevelDB."""

import pytest
from weight_files import bundles

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.tensorflow import sstable
from ppdeepfill.weight_files.tensorflow.sstable import read_table

VALUES = {f"scope{i // 9:02d}/layer{i:03d}".encode(): bytes([i]) * (i % 5) for i in range(100)}


@pytest.mark.parametrize("snappy", [False, True])
@pytest.mark.parametrize("names_per_block", [1, 7, 100])
def test_values_come_back_in_order(snappy, names_per_block):
    table = bundles.table(VALUES, snappy=snappy, names_per_block=names_per_block)
    assert list(read_table(table).items()) == list(VALUES.items())


def test_every_changed_byte_of_a_block_is_noticed():
    table = bundles.table({b"a": b"value"})
    stored = len(bundles.sealed(bundles.block({b"a": b"value"})))
    for position in range(stored):
        damaged = bytearray(table)
        damaged[position] ^= 4
        with pytest.raises(WeightsError, match="checksum"):
            read_table(bytes(damaged))


@pytest.mark.parametrize("text", [b"", b"no table", b"all_model_checkpoint_paths: 1\n" * 9])
def test_other_files_are_refused(text):
    with pytest.raises(WeightsError, match="does not end like"):
        read_table(text)


def test_a_table_that_is_cut_off_is_refused():
    table = bundles.table(VALUES)
    for size in range(0, len(table), 7):
        with pytest.raises(WeightsError):
            read_table(table[:size])


def with_blocks(*contents: bytes, handles: list[bytes] | None = None) -> bytes:
    """A table of blocks with any content, found through any handles."""
    content, own = b"", []
    for block in contents:
        stored = bundles.sealed(block)
        own.append(bundles.handle(content, stored))
        content += stored
    handles = own if handles is None else handles
    return bundles.finished(content, {bytes([i]): each for i, each in enumerate(handles)})


def handle(start: int, size: int) -> bytes:
    return bundles.varint(start) + bundles.varint(size)


BLOCK = bundles.block({b"a": b"1"})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (with_blocks(BLOCK, BLOCK), "in order"),
        (with_blocks(bundles.block({b"b": b"", b"a": b""})), "in order"),
        (with_blocks(BLOCK, handles=[handle(0, len(BLOCK))] * 2), "overlap"),
        (with_blocks(BLOCK, handles=[handle(1 << 62, 9)]), "0 are left"),
        (with_blocks(BLOCK, handles=[handle(0, 1 << 62)]), "are left"),
        (with_blocks(BLOCK, handles=[b"\xff" * 20]), "longer than 10 bytes"),
        (with_blocks(BLOCK, handles=[b""]), "0 are left"),
        (with_blocks(b""), "shorter than"),
        (with_blocks(b"\xff" * 8), "shorter than"),
        (with_blocks(b"\x01\x01\x00a" + bytes(4)), "no beginning"),
        (with_blocks(b"\x00\x09\x00a" + bytes(4)), "only 1 are left"),
        (with_blocks(b"\x00\xff\xff\x7f\x00a" + bytes(4)), "longer than 1024 bytes"),
    ],
)
def test_what_contradicts_itself_is_refused(table, message):
    with pytest.raises(WeightsError, match=message):
        read_table(table)


def test_an_unknown_compression_is_refused(monkeypatch):
    monkeypatch.setattr(sstable, "STORED", 7)
    with pytest.raises(WeightsError, match="compression 0"):
        read_table(bundles.table(VALUES))


@pytest.mark.parametrize(("limit", "most"), [("MAX_ENTRIES", 99), ("MAX_TABLE_BYTES", 700)])
def test_limits_hold_over_all_blocks(monkeypatch, limit, most):
    table = bundles.table(VALUES, names_per_block=10)
    read_table(table)
    monkeypatch.setattr(sstable, limit, most)
    with pytest.raises(WeightsError, match=str(most)):
        read_table(table)
