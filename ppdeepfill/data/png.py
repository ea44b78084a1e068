# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""PNG files as chunks: those that determine the pixels, and those that hold metadata.

A chunk is the length of its content in 4 bytes, a name in 4, the content, and a checksum of name
and content in 4. Like decoders, we ignore everything after the last chunk.
"""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy import ndarray

from ppdeepfill.data.bad_image import BadImage

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PIXELS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
TRANSPARENCY, ANIMATION, EXIF = b"tRNS", b"acTL", b"eXIf"
BEFORE_PIXELS = (b"PLTE", TRANSPARENCY)  # found elsewhere, each decoder treats them differently
# Metadata that stays true when pixels change.
DESCRIPTIVE = frozenset(
    {b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"pHYs", EXIF, b"tEXt", b"zTXt", b"iTXt"}
)
CHANNELS = {0: 1, 2: 3}  # colour types whose transparency is a key, grey and RGB -> channels
GREY_ALPHA = 4  # colour type
LARGEST_TEXT = 1 << 20  # bytes after decompression; Pillow and others refuse files with more


class PngParts(NamedTuple):
    """The parts of a PNG file.

    Attributes:
        pixels: a PNG file for decoders, with only the chunks that determine the pixels.
        metadata: (name, content) of the metadata chunks.
        unreadable: names of metadata chunks that are damaged or too large.
        bits: bits per channel.
        kind: colour type: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA.
        key: for grey and RGB, the sample values that mean transparent; None if there are none.
        frames: number of pictures in the file.
    """

    pixels: bytes
    metadata: tuple[tuple[bytes, bytes], ...]
    unreadable: tuple[str, ...]
    bits: int
    kind: int
    key: tuple[int, ...] | None
    frames: int


def take_apart(content: bytes) -> PngParts:
    """Split a PNG file into its parts.

    Raises:
        BadImage: the end is missing, or a chunk that determines the pixels is damaged.
    """
    kept, metadata, unreadable = [SIGNATURE], [], []
    key, frames, header = None, 1, bytes(13)
    seen: set[bytes] = set()
    for name, body, chunk, intact in _chunks(content):
        if (name == b"IHDR") == bool(seen) or (name == b"IHDR" and len(body) != len(header)):
            raise BadImage("the file is damaged: it does not begin with its header")
        if name in DESCRIPTIVE:
            if intact and _is_readable(name, body):
                metadata.append((name, body))
            else:
                unreadable.append(name.decode())
        elif not intact:  # the name may be damaged, so it could be any chunk
            raise BadImage(f"the file is damaged: wrong checksum at byte {chunk.start}")
        elif name in BEFORE_PIXELS and b"IDAT" in seen or name == b"PLTE" and TRANSPARENCY in seen:
            raise BadImage(f"the file is damaged: {name.decode()} is in the wrong place")
        elif name == TRANSPARENCY and header[9] in CHANNELS:
            key = tuple(np.frombuffer(body[: 2 * CHANNELS[header[9]]], ">u2").tolist())
        elif name == ANIMATION:
            frames = int.from_bytes(body[:4], "big")
        elif name in PIXELS or name == TRANSPARENCY:
            header = body if name == b"IHDR" else header
            kept.append(content[chunk])
        seen.add(name)
    bits, kind = header[8:10]
    return PngParts(b"".join(kept), tuple(metadata), tuple(unreadable), bits, kind, key, frames)


def decode_16_bit(parts: PngParts) -> ndarray:
    """uint16 [H, W, C]; Pillow would drop the lower byte of colours."""
    pixels = cv2.imdecode(np.frombuffer(parts.pixels, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise BadImage("the file is damaged: its pixels cannot be decoded")
    pixels = pixels.reshape([*pixels.shape[:2], -1])
    if parts.kind == GREY_ALPHA and pixels.shape[2] == 4:  # OpenCV repeats grey
        return pixels[..., [0, 3]]
    return pixels[..., [2, 1, 0, 3][: pixels.shape[2]]] if pixels.shape[2] > 1 else pixels


def with_key(pixels: ndarray, parts: PngParts) -> ndarray:
    """Add an alpha channel to pixels [H, W, 1 or 3]: transparent where they equal the key."""
    full = np.iinfo(pixels.dtype).max
    scale = 1 if parts.bits in (8, 16) else full // (2**parts.bits - 1)
    key = np.array(parts.key) * scale
    transparent = (pixels == key).all(axis=-1)
    return np.dstack([pixels, np.where(transparent, 0, full).astype(pixels.dtype)])


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes, slice, bool]]:
    """Yield name, content, place and whether the checksum is right, up to the last chunk."""
    position = len(SIGNATURE)
    while (end := position + 12 + _number(content[position : position + 4])) <= len(content):
        name, body = content[position + 4 : position + 8], content[position + 8 : end - 4]
        yield (
            name,
            body,
            slice(position, end),
            zlib.crc32(name + body) == _number(content[end - 4 : end]),
        )
        if name == b"IEND":
            return
        position = end
    raise BadImage("the file is cut off: its end is missing")


def _is_readable(name: bytes, body: bytes) -> bool:
    """Whether other programs can read this chunk."""
    keyword, separator, rest = body.partition(b"\0")
    if name in (b"iCCP", b"zTXt"):
        return bool(separator) and _unpacks(rest[1:])
    if name == b"iTXt":
        texts = rest[2:].split(b"\0", 2)
        return len(texts) == 3 and (rest[:1] == b"\0" or _unpacks(texts[2]))
    if name == b"tEXt":
        return bool(separator)
    return True


def _unpacks(packed: bytes) -> bool:
    unpacking = zlib.decompressobj()
    try:
        unpacking.decompress(packed, LARGEST_TEXT)
    except zlib.error:
        return False
    return unpacking.eof


def _number(content: bytes) -> int:
    return int.from_bytes(content, "big")
