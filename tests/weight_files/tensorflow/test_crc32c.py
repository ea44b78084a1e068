# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""CRC-32C of bytes."""

import time

import numpy as np
import pytest

from ppdeepfill.weight_files.tensorflow.crc32c import POLYNOMIAL, crc32c, masked_crc32c


def bytewise(content: bytes) -> int:
    """The definition: one bit after another through a shift register."""
    register = 0xFFFFFFFF
    for byte in content:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (POLYNOMIAL if register & 1 else 0)
    return register ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    ("content", "checksum"),
    [
        (b"", 0),
        (b"a", 0xC1D04330),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(32))[::-1], 0x113FDB5C),
    ],
)
def test_equals_the_published_values(content, checksum):
    assert crc32c(content) == checksum


@pytest.mark.parametrize("size", [*range(1, 40), 255, 256, 257, 4093, 4096, 4099, 20011])
def test_equals_the_definition_at_every_length(rng, size):
    content = rng.bytes(size)
    assert crc32c(content) == bytewise(content)


def test_an_array_has_the_checksum_of_its_bytes(rng):
    array = rng.integers(0, 256, 1001, np.uint8)
    assert crc32c(array) == crc32c(array.tobytes())


def test_the_stored_form_is_that_of_a_tensorflow_file():
    # the empty metaindex block at the end of every index that TensorFlow writes
    assert masked_crc32c(bytes.fromhex("000000000100000000")) == 0xB0A1F2C0


def test_ten_megabytes_take_no_seconds(rng):
    content = rng.bytes(10 << 20)
    start = time.perf_counter()
    crc32c(content)
    assert time.perf_counter() - start < 2  # a tenth of it here; byte by byte it is minutes
