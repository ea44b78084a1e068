# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Entries in the index of a TensorFlow checkpoint: where the values of a variable are.

Source: tensorflow/core/protobuf/tensor_bundle.proto, framework/tensor_shape.proto,
framework/tensor_slice.proto; for the keys of parts util/saved_tensor_slice_util.cc and
lib/strings/ordered_code.cc.
"""

from typing import NamedTuple

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.tensorflow.protobuf import Message

FORMAT = 1  # the newest supported version of the format
UNDIVIDED = -1  # length of a part along an axis that is not divided

Part = tuple[tuple[int, int], ...]  # first index and length along each axis


class Entry(NamedTuple):
    """Where the values of a variable, or of part of one, are stored.

    Attributes:
        dtype: TensorFlow's number of the type.
        shape: sizes as declared in the file, not yet checked.
        shard: number of the data file.
        start: position of the first byte in it.
        size: in bytes.
        checksum: masked CRC-32C of the bytes.
        parts: the parts of a variable stored in parts, which have their own entries.
    """

    dtype: int
    shape: tuple[int, ...]
    shard: int
    start: int
    size: int
    checksum: int
    parts: list[Part]


def count_shards(header: bytes) -> int:
    """Return the number of data files.

    Raises:
        WeightsError: the checkpoint has an unknown version or is big-endian.
    """
    message = Message(header)
    shards, big_endian = message.number(1), message.number(2)
    if big_endian:
        raise WeightsError(
            "it was written on a big-endian machine; save it again on a little-endian one"
        )
    oldest_reader = max((version.number(2) for version in message.messages(3)), default=0)
    if oldest_reader > FORMAT:
        raise WeightsError(
            f"it has version {oldest_reader} of the format; only version {FORMAT} is supported"
        )
    return shards


def parse_entry(content: bytes) -> Entry:
    """Parse an entry of the index.

    Raises:
        WeightsError: the entry is damaged.
    """
    message = Message(content)
    shape = [dim.number(1) for shape in message.messages(2) for dim in shape.messages(2)]
    dtype, shard, start, size, checksum = (message.number(field) for field in (1, 3, 4, 5, 6))
    parts = [_part(part) for part in message.messages(7)]
    return Entry(dtype, tuple(shape), shard, start, size, checksum, parts)


def part_key(name: str, part: Part) -> bytes:
    """Return the key of a part of a variable in the index."""
    bounds = b"".join(_ordered(number) for extent in part for number in extent)
    return b"\0" + name.encode() + b"\0\1" + bytes([1, len(part)]) + bounds


def _part(message: Message) -> Part:
    return tuple(
        (extent.number(1), extent.number(2) if extent.has(2) else UNDIVIDED)
        for extent in message.messages(1)
    )


def _ordered(number: int) -> bytes:
    """Encode a 64-bit number so that bytes sort like numbers; as many leading ones as bytes."""
    bits = (~number if number < 0 else number).bit_length()
    size = bits // 7 + 1
    leading_ones = ((1 << size) - 1) << 7 * size
    return (number % (1 << 8 * size) ^ leading_ones).to_bytes(size, "big")
