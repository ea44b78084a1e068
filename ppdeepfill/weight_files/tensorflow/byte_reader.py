# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Numbers and bytes one after another, never past the end."""

from ppdeepfill.errors import WeightsError

VARINT_BYTES = 10  # 64 bits in groups of 7


class ByteReader:
    """Reads bytes from a position on.

    Every method raises WeightsError when the bytes end before what it should read.
    """

    def __init__(self, content: bytes, position: int = 0):
        self.content = content
        self.position = position

    def left(self) -> int:
        """How many bytes have not been read."""
        return max(len(self.content) - self.position, 0)

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        if size > self.left():
            raise WeightsError(f"{size} bytes should follow, but only {self.left()} are left")
        start, self.position = self.position, self.position + size
        return self.content[start : self.position]

    def integer(self, size: int) -> int:
        """An unsigned number of `size` bytes, lowest first."""
        return int.from_bytes(self.take(size), "little")

    def varint(self) -> int:
        """An unsigned number of 64 bits, 7 to a byte, lowest first; bit 7 says that more follow."""
        number = 0
        for place in range(VARINT_BYTES):
            byte = self.integer(1)
            number |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                return number & 0xFFFF_FFFF_FFFF_FFFF
        raise WeightsError(f"a number is longer than {VARINT_BYTES} bytes")
