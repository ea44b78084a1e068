# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Read the variables of a TensorFlow checkpoint (format V2, a "tensor bundle") without TensorFlow.

TensorFlow takes a gigabyte of disk, needs other versions of NumPy and protobuf than Paddle, and
allocates whatever a file declares; no small, maintained library reads its checkpoints.

PREFIX.index maps each name to an entry, which says where in PREFIX.data-?????-of-????? its values
are. Everything that the files declare is checked before it is used.

Source: tensorflow/core/util/tensor_bundle/tensor_bundle.cc.
"""

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.tensorflow.crc32c import masked_crc32c
from ppdeepfill.weight_files.tensorflow.paths import find_index, find_shard
from ppdeepfill.weight_files.tensorflow.records import (
    UNDIVIDED,
    Entry,
    Part,
    count_shards,
    parse_entry,
    part_key,
)
from ppdeepfill.weight_files.tensorflow.sstable import MAX_TABLE_BYTES, read_table

BFLOAT16 = 14
# Keys are the numbers in tensorflow/core/framework/types.proto.
DTYPES = {
    number: np.dtype(name)
    for number, name in {
        1: "<f4", 2: "<f8", 3: "<i4", 4: "u1", 5: "<i2", 6: "i1", 8: "<c8", 9: "<i8", 10: "?",
        17: "<u2", 18: "<c16", 19: "<f2", 22: "<u4", 23: "<u8", BFLOAT16: "<u2",
    }.items()
}  # fmt: skip
NOT_NUMBERS = {7: "strings", 20: "a resource", 21: "a variant"}
MAX_DIMENSIONS = 32  # limit of NumPy 1
MAX_ELEMENTS = 1 << 40  # a shape that contains 0 can declare any other sizes


class Bundle(NamedTuple):
    """The contents of a checkpoint.

    Attributes:
        arrays: variables by name; bfloat16 is converted to float32.
        left_out: reasons why variables were left out, by name.
    """

    arrays: dict[str, ndarray]
    left_out: dict[str, str]


def read_bundle(path: Path) -> Bundle:
    """Read all variables of a checkpoint.

    Args:
        path: PREFIX, one of the checkpoint's files, or their folder; see `find_index`.

    Raises:
        WeightsError: there is no checkpoint, or it is damaged, incomplete or in the old format V1.
    """
    index = find_index(path)
    arrays, left_out = {}, {}
    with _naming_checkpoint(index):
        values = _Values(index)
        for name, entry in values.variables():
            if entry.dtype not in DTYPES:
                left_out[name] = NOT_NUMBERS.get(entry.dtype, f"numbers of type {entry.dtype}")
            elif entry.parts:
                arrays[name] = values.assemble(name, entry)
            else:
                arrays[name] = values.read(name, entry)
    return Bundle(arrays, left_out)


@contextmanager
def _naming_checkpoint(index: Path) -> Iterator[None]:
    """Let errors name the checkpoint and say what may help."""
    try:
        yield
    except (WeightsError, OSError, UnicodeDecodeError) as error:
        raise WeightsError(
            f"the checkpoint {index} cannot be read: {error}. "
            "If its files may be damaged, download them all again."
        ) from error


class _Values:
    """The entries of an index, and the values they refer to.

    All methods raise WeightsError if the data are damaged.
    """

    def __init__(self, index: Path):
        table = read_table(_content(index))
        if b"" not in table:
            raise WeightsError("it has no header")
        shard_count = count_shards(table.pop(b""))
        self.entries = {key: parse_entry(message) for key, message in table.items()}
        stored = [e for e in self.entries.values() if e.dtype in DTYPES and not e.parts]
        numbers = {entry.shard for entry in stored}
        self.shards = {number: find_shard(index, number, shard_count) for number in numbers}
        self._check_sizes(stored)

    def variables(self) -> Iterator[tuple[str, Entry]]:
        """Yield names and entries, except those of parts, whose keys start with a zero byte."""
        for key, entry in self.entries.items():
            if not key.startswith(b"\0"):
                yield key.decode(), entry

    def read(self, name: str, entry: Entry) -> ndarray:
        """Return the array of an entry without parts."""
        dtype = DTYPES[entry.dtype]
        if _element_count(name, entry) * dtype.itemsize != entry.size:
            raise WeightsError(
                f"{name} has {entry.size} bytes, which is not {list(entry.shape)} of {dtype}"
            )
        with self.shards[entry.shard].open("rb") as file:
            file.seek(entry.start)
            content = np.fromfile(file, np.uint8, entry.size)
        if masked_crc32c(content) != entry.checksum:
            raise WeightsError(f"the bytes of {name} do not match their checksum")
        array = content.view(dtype)
        if entry.dtype == BFLOAT16:  # the upper half of a float32
            array = (array.astype("<u4") << 16).view("<f4")
        return array.reshape(entry.shape)

    def assemble(self, name: str, entry: Entry) -> ndarray:
        """Return the array of an entry with parts."""
        count = _element_count(name, entry)
        pieces = {part: self._read_part(name, entry, part) for part in entry.parts}
        # Checked before allocating: the shape may declare more than the file contains.
        if sum(piece.size for piece in pieces.values()) != count:
            raise WeightsError(f"the parts of {name} do not make up {list(entry.shape)}")
        dtype = next(iter(pieces.values())).dtype
        whole, filled = np.zeros(entry.shape, dtype), np.zeros(entry.shape, bool)
        for part, piece in pieces.items():
            region = _region(part, entry.shape)
            whole[region], filled[region] = piece, True
        if not filled.all():
            raise WeightsError(f"the parts of {name} overlap")
        return whole

    def _read_part(self, name: str, entry: Entry, part: Part) -> ndarray:
        region = _region(part, entry.shape)
        stored = self.entries.get(part_key(name, part))
        if stored is None or stored.parts or stored.dtype != entry.dtype:
            raise WeightsError(f"the part {part} of {name} is missing")
        if stored.shape != tuple(along.stop - along.start for along in region):
            raise WeightsError(f"the part {part} of {name} is {list(stored.shape)}")
        return self.read(name, stored)

    def _check_sizes(self, stored: list[Entry]) -> None:
        """Check that values lie within their files and do not overlap, since each is read once."""
        used = Counter[int]()
        for entry in stored:
            shard = self.shards[entry.shard]
            size = shard.stat().st_size
            used[entry.shard] += entry.size
            if min(entry.start, entry.size) < 0 or entry.start + entry.size > size:
                raise WeightsError(f"values are outside {shard.name}, which has {size} bytes")
            if used[entry.shard] > size:
                raise WeightsError(f"values in {shard.name} overlap")


def _content(index: Path) -> bytes:
    with index.open("rb") as file:
        content = file.read(MAX_TABLE_BYTES + 1)
    if len(content) > MAX_TABLE_BYTES:
        raise WeightsError(f"an index has at most {MAX_TABLE_BYTES} bytes, this one has more")
    return content


def _element_count(name: str, entry: Entry) -> int:
    """Return the number of elements of an entry, after checking that its shape is possible."""
    shape = entry.shape
    # A zero in the shape would hide how large the other numbers are.
    largest = math.prod(max(size, 1) for size in shape[:MAX_DIMENSIONS])
    if len(shape) > MAX_DIMENSIONS or min(shape, default=0) < 0 or largest > MAX_ELEMENTS:
        raise WeightsError(f"{name} cannot have the shape {list(shape[:MAX_DIMENSIONS])}")
    return math.prod(shape)


def _region(part: Part, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Return where a part lies in the whole; raises WeightsError if it lies outside."""
    if len(part) != len(shape):
        raise WeightsError(f"a part {part} does not fit into {list(shape)}")
    region = []
    for (first, length), size in zip(part, shape, strict=True):
        stop = size if length == UNDIVIDED else first + length
        if not 0 <= first <= stop <= size:
            raise WeightsError(f"a part {part} does not fit into {list(shape)}")
        region.append(slice(first, stop))
    return tuple(region)
