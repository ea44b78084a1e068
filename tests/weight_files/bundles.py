# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Write TensorFlow checkpoints without TensorFlow: for tests of what reads them.

Records stay bytes by key until the end, so that a test can change any of them before the checksums
are computed.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy import ndarray

from ppdeepfill.weight_files.tensorflow.crc32c import masked_crc32c

DTYPES = {
    "float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int16": 5, "int8": 6, "complex64": 8,
    "int64": 9, "bool": 10, "uint16": 17, "complex128": 18, "float16": 19, "uint32": 22,
    "uint64": 23,
}  # fmt: skip
MAGIC = 0xDB4775248B80FB57
RESTART_INTERVAL = 16  # entries of a block after which a key stands in full


class Fixed32(int):
    """A number that a record stores in four bytes."""


def write_bundle(
    prefix: Path,
    arrays: Mapping[str | bytes, ndarray],
    *,
    shards: int = 1,
    snappy: bool = False,
    names_per_block: int = 1000,
    records: Mapping[bytes, bytes | None] | None = None,
) -> Path:
    """Write PREFIX.index, PREFIX.data-?????-of-????? and `checkpoint`; returns the prefix.

    Args:
        prefix: its folder is made.
        arrays: variables by name, or by key where that is no text; shared out over the shards.
        records: by key, in place of those that the arrays have or beside them; None: no record.
    """
    prefix.parent.mkdir(parents=True, exist_ok=True)
    own, contents = describe(arrays, shards)
    own |= records or {}
    kept = {key: record for key, record in own.items() if record is not None}
    index = table(kept, snappy=snappy, names_per_block=names_per_block)
    prefix.with_name(f"{prefix.name}.index").write_bytes(index)
    for number, content in enumerate(contents):
        name = f"{prefix.name}.data-{number:05d}-of-{shards:05d}"
        prefix.with_name(name).write_bytes(content)
    prefix.with_name("checkpoint").write_text(f'model_checkpoint_path: "{prefix.name}"\n')
    return prefix


def describe(
    arrays: Mapping[str | bytes, ndarray], shards: int = 1
) -> tuple[dict[bytes, bytes], list[bytes]]:
    """Records by key, and the content of each shard."""
    records = {b"": message((1, shards), (3, message((1, 1))))}
    contents = [b""] * shards
    for number, (name, array) in enumerate(arrays.items()):
        shard = number % shards
        content = np.ascontiguousarray(array).tobytes()
        key = name if isinstance(name, bytes) else name.encode()
        records[key] = entry(array, shard=shard, start=len(contents[shard]))
        contents[shard] += content
    return records, contents


def entry(array: ndarray, *, shard: int = 0, start: int = 0, dtype: int | None = None) -> bytes:
    """The record of an array whose bytes begin at `start`; `dtype` is TensorFlow's number."""
    content = np.ascontiguousarray(array).tobytes()
    return message(
        (1, DTYPES[array.dtype.name] if dtype is None else dtype),
        (2, shape(array.shape)),
        (3, shard),
        (4, start),
        (5, len(content)),
        (6, Fixed32(masked_crc32c(content))),
    )


def shape(sizes: tuple[int, ...]) -> bytes:
    return message(*((2, message((1, size))) for size in sizes))


def message(*fields: tuple[int, int | bytes]) -> bytes:
    """A Protocol Buffers message of (number, value) pairs."""
    content = b""
    for number, value in fields:
        if isinstance(value, bytes):
            content += varint(number << 3 | 2) + varint(len(value)) + value
        elif isinstance(value, Fixed32):
            content += varint(number << 3 | 5) + value.to_bytes(4, "little")
        else:
            content += varint(number << 3) + varint(value)
    return content


def varint(number: int) -> bytes:
    number %= 1 << 64
    content = b""
    while number > 0x7F:
        content += bytes([number & 0x7F | 0x80])
        number >>= 7
    return content + bytes([number])


def table(
    values: Mapping[bytes, bytes], *, snappy: bool = False, names_per_block: int = 1000
) -> bytes:
    """A sorted table as in LevelDB."""
    content, handles = b"", {}
    keys = sorted(values)
    for first in range(0, len(keys), names_per_block):
        group = keys[first : first + names_per_block]
        stored = sealed(block({key: values[key] for key in group}), snappy=snappy)
        handles[group[-1]] = handle(content, stored)
        content += stored
    return finished(content, handles)


def finished(content: bytes, handles: Mapping[bytes, bytes]) -> bytes:
    """Data blocks with metaindex block, index block and footer behind them."""
    metaindex, index = sealed(block({})), sealed(block(handles))
    footer = handle(content, metaindex) + handle(content + metaindex, index)
    return content + metaindex + index + footer.ljust(40, b"\0") + MAGIC.to_bytes(8, "little")


def handle(before: bytes, stored: bytes) -> bytes:
    """Where a sealed block is, after these bytes; its compression and checksum do not count."""
    return varint(len(before)) + varint(len(stored) - 5)


def sealed(content: bytes, *, snappy: bool = False) -> bytes:
    """A block with its compression and checksum behind it."""
    typed = pack(content) + b"\1" if snappy else content + b"\0"
    return typed + masked_crc32c(typed).to_bytes(4, "little")


def block(values: Mapping[bytes, bytes]) -> bytes:
    content, restarts, previous = b"", [0], b""
    for number, (key, value) in enumerate(values.items()):
        if number % RESTART_INTERVAL == 0 and number:
            restarts.append(len(content))
            previous = b""
        shared = len(os.path.commonprefix([key, previous]))
        content += varint(shared) + varint(len(key) - shared) + varint(len(value))
        content += key[shared:] + value
        previous = key
    return content + np.array([*restarts, len(restarts)], "<u4").tobytes()


def pack(content: bytes) -> bytes:
    """Snappy: four bytes that have occurred before are copied, longer as far as they agree."""
    packed, seen = varint(len(content)), {}
    start = position = 0
    while position < len(content):
        source = seen.get(content[position : position + 4])
        seen[content[position : position + 4]] = position
        if source is None or position - source > 0xFFFF or position + 4 > len(content):
            position += 1
            continue
        length = len(os.path.commonprefix([content[at : at + 64] for at in (source, position)]))
        packed += literal(content[start:position])
        packed += bytes([length - 1 << 2 | 2]) + (position - source).to_bytes(2, "little")
        start = position = position + length
    return packed + literal(content[start:])


def literal(content: bytes) -> bytes:
    """The Snappy element of bytes that are not copied; no element at all without bytes."""
    if not content:
        return b""
    if len(content) <= 60:
        return bytes([len(content) - 1 << 2]) + content
    return bytes([61 << 2]) + (len(content) - 1).to_bytes(2, "little") + content
