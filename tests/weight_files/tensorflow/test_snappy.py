# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Unpacking Snappy."""

import pytest
from weight_files.bundles import pack

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.tensorflow.snappy import unpack

LIMIT = 1 << 20


@pytest.mark.parametrize(
    ("packed", "content"),
    [
        (b"\x00", b""),
        (b"\x03\x08abc", b"abc"),
        (b"\x3d\xf0\x3c" + b"x" * 61, b"x" * 61),  # the length in a byte of its own
        (b"\x3d\xf4\x3c\x00" + b"x" * 61, b"x" * 61),  # in two
        (b"\x08\x0cabcd\x01\x04", b"abcdabcd"),  # a copy with one byte of offset
        (b"\x08\x0cabcd\x0e\x04\x00", b"abcdabcd"),  # with two
        (b"\x08\x0cabcd\x0f\x04\x00\x00\x00", b"abcdabcd"),  # with four
        (b"\x0a\x04ab\x1e\x02\x00", b"ababababab"),  # that repeats itself
        (b"\x09\x08abc\x16\x02\x00", b"abcbcbcbc"),
    ],
)
def test_every_kind_of_element(packed, content):
    assert unpack(packed, limit=LIMIT) == content


def test_what_was_packed_comes_back(rng):
    for size in (1, 59, 60, 61, 300, 5000):
        content = rng.choice(list(b"abc"), size).astype("u1").tobytes() + rng.bytes(size)
        assert unpack(pack(content), limit=LIMIT) == content


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"\x04\x08abc",  # less than claimed
        b"\x02\x08abc",  # more
        b"\x03\x08ab",  # cut off
        b"\x03\xf0",  # cut off before the length
        b"\x08\x0cabcd\x01\x05",  # a copy from before the beginning
        b"\x08\x0cabcd\x01\x00",  # from nowhere
        b"\xff\xff\xff\xff\x0f\x00a",  # 4 GB
        b"\xff" * 11,  # a length without end
        b"\x05\xfc\xff\xff\xff\xff" + b"abcde",  # a literal of 4 GB
    ],
)
def test_damaged_bytes_are_refused(packed):
    with pytest.raises(WeightsError):
        unpack(packed, limit=LIMIT)


def test_no_more_is_unpacked_than_allowed():
    bomb = pack(bytes(LIMIT + 1))
    assert len(bomb) < LIMIT / 20
    with pytest.raises(WeightsError, match=f"the limit is {LIMIT}"):
        unpack(bomb, limit=LIMIT)
    assert unpack(bomb, limit=LIMIT + 1) == bytes(LIMIT + 1)
