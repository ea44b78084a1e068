# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Unpack Snappy, the compression of older checkpoints' tables.

Source: google/snappy, format_description.txt.
"""

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.tensorflow.byte_reader import ByteReader


def unpack(packed: bytes, *, limit: int) -> bytes:
    """Unpack one Snappy block (not a framed stream).

    Raises:
        WeightsError: the block is damaged, or its content is longer than `limit` bytes.
    """
    reader = ByteReader(packed)
    size = reader.varint()
    if size > limit:
        raise WeightsError(f"compressed bytes claim to unpack to {size}; the limit is {limit}")
    content = bytearray()
    while reader.left() and len(content) <= size:
        tag = reader.integer(1)
        content += _literal(reader, tag) if tag & 3 == 0 else _copy(reader, tag, content)
    if len(content) != size:
        raise WeightsError(f"compressed bytes do not unpack to the claimed size of {size}")
    return bytes(content)


def _literal(reader: ByteReader, tag: int) -> bytes:
    """Read uncompressed bytes; a length above 60 is stored in 1 to 4 bytes of its own."""
    length = tag >> 2
    if length >= 60:
        length = reader.integer(length - 59)
    return reader.take(length + 1)


def _copy(reader: ByteReader, tag: int, content: bytearray) -> bytes:
    """Copy earlier bytes of the content; a copy that overlaps its own start repeats itself."""
    if tag & 3 == 1:
        length, offset = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | reader.integer(1)
    else:
        length, offset = (tag >> 2) + 1, reader.integer(2 if tag & 3 == 2 else 4)
    if not 0 < offset <= len(content):
        raise WeightsError(f"compressed bytes refer {offset} bytes back, after {len(content)}")
    start = len(content) - offset
    piece = content[start : start + length]
    return bytes(piece * (length // len(piece) + 1))[:length]
