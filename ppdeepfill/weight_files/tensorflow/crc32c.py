# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The checksum that TensorFlow and LevelDB store beside their blocks and arrays."""

from crc32c import crc32c
from numpy import ndarray

MASK = 0xA282EAD8


def masked_crc32c(content: bytes | ndarray) -> int:
    """The CRC-32C of bytes or of a contiguous array, rotated by 15 bits, plus a constant.

    Source: crc32c.h of LevelDB.
    """
    checksum = crc32c(content)
    return ((checksum >> 15 | checksum << 17) + MASK) & 0xFFFFFFFF
