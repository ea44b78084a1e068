# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Read sorted tables of keys and values, as in LevelDB.

    data blocks, metaindex block, index block, footer

The footer says where the index block is, which says where the data blocks are. Each block is
followed by its compression and its checksum.

Source: google/leveldb, doc/table_format.md and table/format.cc.
"""

from collections.abc import Iterator

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.tensorflow.byte_reader import ByteReader
from ppdeepfill.weight_files.tensorflow.crc32c import masked_crc32c
from ppdeepfill.weight_files.tensorflow.snappy import unpack

FOOTER_BYTES = 48
MAGIC = bytes.fromhex("57fb808b247547db")  # the last bytes of the footer
STORED, SNAPPY = 0, 1  # compression

# The table of a thousand variables takes 100 kB. Without limits, a small file could fill the
# memory: a key that repeats the previous one takes three bytes, whatever its length.
MAX_TABLE_BYTES = 1 << 21  # both as stored and unpacked
MAX_KEY_BYTES = 1 << 10
MAX_ENTRIES = 1 << 16


def read_table(table: bytes) -> dict[bytes, bytes]:
    """Return values by key, in the order of the keys.

    Raises:
        WeightsError: the table is damaged, or larger than any table of weights.
    """
    values: dict[bytes, bytes] = {}
    previous = None
    for key, value in _all_entries(table):
        if previous is not None and key <= previous:
            raise WeightsError(f"{key!r} comes after {previous!r}: names must be in order")
        if len(values) == MAX_ENTRIES:
            raise WeightsError(f"it has more than {MAX_ENTRIES} entries")
        values[key] = value
        previous = key
    return values


def _all_entries(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values of all data blocks, which must not overlap."""
    end = unpacked = 0
    for _, handle in _entries(_block(table, *_index_handle(table))):
        start, size = _handle(ByteReader(handle))
        if start < end:
            raise WeightsError("its blocks overlap")
        end = start + size
        block = _block(table, start, size)
        unpacked += len(block)
        if unpacked > MAX_TABLE_BYTES:
            raise WeightsError(f"it unpacks to more than {MAX_TABLE_BYTES} bytes")
        yield from _entries(block)


def _index_handle(table: bytes) -> tuple[int, int]:
    footer = ByteReader(table[-FOOTER_BYTES:])
    if footer.left() < FOOTER_BYTES or not table.endswith(MAGIC):
        raise WeightsError("it does not end like a checkpoint: truncated, or another kind of file")
    _handle(footer)  # of the metaindex block, which TensorFlow leaves empty
    return _handle(footer)


def _handle(reader: ByteReader) -> tuple[int, int]:
    """Read where a block starts, and its size in bytes."""
    return reader.varint(), reader.varint()


def _block(table: bytes, start: int, size: int) -> bytes:
    """Return the unpacked content of a block."""
    reader = ByteReader(table, start)
    content, compression, checksum = reader.take(size), reader.take(1), reader.integer(4)
    if masked_crc32c(content + compression) != checksum:
        raise WeightsError(f"the block at byte {start} does not match its checksum")
    if compression[0] == SNAPPY:
        return unpack(content, limit=MAX_TABLE_BYTES)
    if compression[0] != STORED:
        raise WeightsError(f"a block has the compression {compression[0]}, which is not supported")
    return content


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values of a block; a key shares its first bytes with the previous one."""
    restarts = int.from_bytes(block[-4:], "little")  # for searching, which is not needed here
    size = len(block) - 4 * (restarts + 1)
    if size < 0:
        raise WeightsError("a block is shorter than it declares")
    reader = ByteReader(block[:size])
    key = b""
    while reader.left():
        shared, own, value_size = reader.varint(), reader.varint(), reader.varint()
        if shared > len(key) or shared + own > MAX_KEY_BYTES:
            raise WeightsError(f"a name is longer than {MAX_KEY_BYTES} bytes, or has no beginning")
        key = key[:shared] + reader.take(own)
        yield key, reader.take(value_size)
