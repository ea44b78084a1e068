# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Read numbers and bytes in sequence, never past the end."""

from ppdeepfill.errors import WeightsError

VARINT_BYTES = 10  # 64 bits in groups of 7


class ByteReader:
    """Reads bytes, starting at a position.

    Every method raises WeightsError if there are fewer bytes than it has to read.
    """

    def __init__(self, content: bytes, position: int = 0):
        self.content = content
        self.position = position

    def left(self) -> int:
        """Return how many bytes have not been read."""
        return max(len(self.content) - self.position, 0)

    def take(self, size: int) -> bytes:
        """Read the next `size` bytes."""
        if size > self.left():
            raise WeightsError(f"{size} bytes should follow, but only {self.left()} are left")
        start, self.position = self.position, self.position + size
        return self.content[start : self.position]

    def integer(self, size: int) -> int:
        """Read an unsigned little-endian integer of `size` bytes."""
        return int.from_bytes(self.take(size), "little")

    def varint(self) -> int:
        """Read an unsigned 64-bit number, 7 bits per byte, lowest first; bit 7 marks more bytes."""
        number = 0
        for place in range(VARINT_BYTES):
            byte = self.integer(1)
            number |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                return number & 0xFFFF_FFFF_FFFF_FFFF
        raise WeightsError(f"a number is longer than {VARINT_BYTES} bytes")
