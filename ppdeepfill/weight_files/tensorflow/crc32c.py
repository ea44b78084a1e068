# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The checksum CRC-32C, a hundred megabytes per second.

A checksum is the remainder of the content, read as a polynomial over GF(2), after division by a
fixed one. So a word may be moved towards the end if it is multiplied by the power of x that it
passes, and the first half of the content folded onto the second: NumPy does a whole half at once.

Source: polynomial, bit order and test vectors of RFC 3720 (iSCSI), appendix B.4.
"""

from functools import cache

import numpy as np
from numpy import ndarray

POLYNOMIAL = 0x82F63B78  # bit 31 is the coefficient of x^0
ONE = 1 << 31
# A register that began with zeros holds ones after these bytes, as CRC-32C wants it at the start.
PREAMBLE = bytes.fromhex("54641f64")


def crc32c(content: bytes | ndarray) -> int:
    """The CRC-32C of bytes, or of an array of uint8 [N], as an unsigned number of 32 bits."""
    # Zeros before the first one change nothing. Those at the end are the division's last step.
    padded = b"".join([bytes(-len(content) % 4), PREAMBLE, content, bytes(4)])
    words = np.frombuffer(padded, "<u4")
    while len(words) > 1:
        words = _fold(words)
    return int(words[0]) ^ 0xFFFFFFFF


def masked_crc32c(content: bytes | ndarray) -> int:
    """The CRC-32C as LevelDB and TensorFlow store it: rotated, plus a constant."""
    checksum = crc32c(content)
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _fold(words: ndarray) -> ndarray:
    """Words [N] -> [M] with the same remainder; M is the largest power of two below N."""
    power = (len(words) - 1).bit_length() - 1
    moved = len(words) - (1 << power)
    head, tail = words[:moved], words[moved:].copy()
    low, high = _movers(power)
    tail[-moved:] ^= low[head & 0xFFFF] ^ high[head >> 16]
    return tail


@cache
def _movers(power: int) -> tuple[ndarray, ndarray]:
    """What the lower and upper 16 bits of a word become 2^power words later; uint32 [65536]."""
    factor = ONE
    for _ in range(32):
        factor = _times_x(factor)
    for _ in range(power):
        factor = _product(factor, factor)
    bits = [_product(1 << bit, factor) for bit in range(32)]
    return _sums(bits[:16]), _sums(bits[16:])


def _sums(bits: list[int]) -> ndarray:
    """Entry i is the sum over GF(2) of those numbers whose bit is set in i."""
    table = np.zeros(1, np.uint32)
    for number in bits:
        table = np.concatenate([table, table ^ np.uint32(number)])
    return table


def _product(a: int, b: int) -> int:
    """a * b modulo the polynomial."""
    product = 0
    for bit in reversed(range(32)):
        if a >> bit & 1:
            product ^= b
        b = _times_x(b)
    return product


def _times_x(a: int) -> int:
    return a >> 1 ^ (POLYNOMIAL if a & 1 else 0)
