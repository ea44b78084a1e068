# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The parts of a PNG file that describe its pixels."""

import struct
import zlib
from collections.abc import Iterable, Iterator

SIGNATURE_LENGTH = 8
HEADER_END = 33  # signature and IHDR
# What stays true when pixels change; all of these may stand right after IHDR.
DESCRIPTIVE = frozenset(
    {b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"pHYs", b"eXIf", b"tEXt", b"zTXt", b"iTXt"}
)


def descriptive_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, content) of the chunks worth keeping of a whole PNG file."""
    position = SIGNATURE_LENGTH
    while position < len(content):
        length, name = struct.unpack_from(">I4s", content, position)
        if name in DESCRIPTIVE:
            yield name, content[position + 8 : position + 8 + length]
        position += length + 12


def with_chunks(content: bytes, chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A PNG file with these chunks added behind its header."""
    added = b"".join(_chunk(name, body) for name, body in chunks)
    return content[:HEADER_END] + added + content[HEADER_END:]


def profile_chunk(icc: bytes) -> tuple[bytes, bytes]:
    """The chunk of a colour profile."""
    return b"iCCP", b"icc\0\0" + zlib.compress(icc)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
