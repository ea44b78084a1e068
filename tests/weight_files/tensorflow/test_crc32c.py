# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The masked CRC-32C of bytes."""

import numpy as np
import pytest

from ppdeepfill.weight_files.tensorflow.crc32c import MASK, masked_crc32c


def unmasked(stored: int) -> int:
    rotated = (stored - MASK) & 0xFFFFFFFF
    return (rotated << 15 | rotated >> 17) & 0xFFFFFFFF


@pytest.mark.parametrize(
    ("content", "checksum"),
    [  # RFC 3720, appendix B.4, and what every implementation publishes
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
    assert unmasked(masked_crc32c(content)) == checksum


@pytest.mark.parametrize("writeable", [True, False])
def test_an_array_has_the_checksum_of_its_bytes(rng, writeable):
    array = rng.integers(0, 256, 1001, np.uint8)
    array.flags.writeable = writeable
    assert masked_crc32c(array) == masked_crc32c(array.tobytes())


def test_the_stored_form_is_that_of_a_tensorflow_file():
    # the empty metaindex block at the end of every index that TensorFlow writes
    assert masked_crc32c(bytes.fromhex("000000000100000000")) == 0xB0A1F2C0
