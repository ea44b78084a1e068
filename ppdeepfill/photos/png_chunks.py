# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Write PNG files with metadata chunks, and with 16 bits per channel."""

import struct
import zlib
from collections.abc import Iterable

import numpy as np
from numpy import ndarray

from ppdeepfill.data.png import SIGNATURE

HEADER_END = 33  # signature and IHDR
COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by number of channels
UP = 2  # filter: store each row as its difference from the row above


def with_chunks(content: bytes, chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Insert chunks after the header of a PNG file."""
    added = b"".join(_chunk(name, body) for name, body in chunks)
    return content[:HEADER_END] + added + content[HEADER_END:]


def profile_chunk(icc: bytes) -> tuple[bytes, bytes]:
    """The chunk that holds a colour profile."""
    return b"iCCP", b"icc\0\0" + zlib.compress(icc)


def xmp_chunk(xmp: bytes) -> tuple[bytes, bytes]:
    """The chunk that holds an XMP record."""
    return b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp


def png_of_16_bits(pixels: ndarray) -> bytes:
    """uint16 [H, W, C] -> a PNG file. Pillow cannot write 16-bit RGB, OpenCV no grey with alpha."""
    height, width, channels = pixels.shape
    rows = pixels.astype(">u2").view(np.uint8).reshape(height, -1)
    rows = np.diff(rows, axis=0, prepend=np.zeros([1, rows.shape[1]], np.uint8))  # modulo 256
    filtered = np.insert(rows, 0, UP, axis=1).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 16, COLOR_TYPES[channels], 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(filtered)), (b"IEND", b"")]
    return SIGNATURE + b"".join(_chunk(name, body) for name, body in parts)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
