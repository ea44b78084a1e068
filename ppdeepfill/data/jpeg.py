# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""JPEG files: where they end, what their headers say, and how to decode only intact ones.

libjpeg warns of damage and goes on; Pillow and OpenCV return the result without the warning, or
without the file's name. Here a warning is an error.
"""

import re
from collections.abc import Iterator

import simplejpeg
from numpy import ndarray

from ppdeepfill.data.bad_image import BadImage

SIGNATURE = b"\xff\xd8"
END = b"\xff\xd9"
EXIF = b"Exif\0\0"
START_OF_SCAN, APP1, COMMENT = 0xDA, 0xE1, 0xFE
START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Metadata: everything but JFIF (APP0) and Adobe (APP14), which say how colours are stored.
METADATA = frozenset(range(0xE1, 0xF0)) - {0xEE} | {COMMENT}
# In compressed pixels, 0xff is followed by 0, by the number of a restart, or by itself.
MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
REDUCTIONS = (8, 4, 2, 1)  # libjpeg can divide height and width by these while decoding
# Warnings about files whose pixels are complete; cameras and old programs write such files.
HARMLESS = re.compile(
    r"Invalid SOS parameters|Unknown Adobe color|: [1-8] extraneous bytes before marker 0xd9"
)
GREY, RGB = "GRAY", "RGB"


def cut_at_end(content: bytes) -> bytes:
    """Cut off everything after the end mark: phones append videos, or a second picture.

    Raises:
        BadImage: there is no end mark; decoders would fill the missing part with grey.
    """
    position = _scan_start(content)
    while found := MARKER_IN_SCAN.search(content, position):
        marker, position = content[found.start() + 1], found.end()
        if marker == END[1]:
            return content[:position]
        # Between the scans of a progressive file there are tables, which may contain any bytes.
        position += _number(content[position : position + 2])
    raise BadImage("the file is cut off: its end is missing")


def decode(content: bytes, *, at_least: tuple[int, int] | None = None) -> ndarray:
    """Pixels as stored, uint8 [H, W, 3] RGB or [H, W, 1] grey.

    Args:
        content: of a complete file, see `cut_at_end`.
        at_least: a sufficient height and width, in either order: the picture may be decoded at a
            half, a quarter or an eighth of its size as long as it stays this large, which is up to
            five times as fast.

    Raises:
        BadImage: the compressed pixels are damaged.
    """
    colors = GREY if components(content) == 1 else RGB
    height, width = _reduced(sides(content), at_least)
    try:
        return simplejpeg.decode_jpeg(content, colors, min_height=height, min_width=width)
    except ValueError as error:
        if not HARMLESS.search(str(error)):
            raise BadImage("the file is damaged: its compressed pixels are inconsistent") from error
    return simplejpeg.decode_jpeg(content, colors, min_height=height, min_width=width, strict=False)


def segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of every segment before the compressed pixels."""
    position = 2
    while position + 4 <= len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if marker == START_OF_SCAN:
            return
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        end = position + 2 + _number(content[position + 2 : position + 4])
        yield marker, position, end
        position = end


def without_metadata(content: bytes) -> bytes:
    """Remove the segments that do not affect the pixels."""
    kept, position = [], 0
    for marker, start, end in segments(content):
        if marker in METADATA:
            kept.append(content[position:start])
            position = end
    return b"".join(kept) + content[position:]


def exif_of(content: bytes) -> bytes:
    """The EXIF record without its prefix; empty if there is none."""
    for marker, start, end in segments(content):
        if marker == APP1 and content[start + 4 : end].startswith(EXIF):
            return content[start + 4 + len(EXIF) : end]
    return b""


def sides(content: bytes) -> tuple[int, int]:
    """Height and width as stored; 0, 0 if the header does not say."""
    frame = _frame(content)
    return _number(frame[5:7]), _number(frame[7:9])


def components(content: bytes) -> int:
    """1 grey, 3 colour, 4 CMYK; 0 if the header does not say."""
    return _number(_frame(content)[9:10])


def _frame(content: bytes) -> bytes:
    """Marker, length, a byte, height, width, number of components."""
    for marker, start, end in segments(content):
        if marker in START_OF_FRAME:
            return content[start:end]
    return b""


def _scan_start(content: bytes) -> int:
    """Where the compressed pixels begin; a thumbnail in the headers has its own end mark."""
    return max((end for _, _, end in segments(content)), default=2)


def _reduced(stored: tuple[int, int], at_least: tuple[int, int] | None) -> tuple[int, int]:
    """Height and width to decode at, halved as often as `at_least` allows."""
    possible = 1 if at_least is None else min(stored) // max(at_least)
    divisor = next((number for number in REDUCTIONS if number <= possible), 1)
    return -(-stored[0] // divisor), -(-stored[1] // divisor)


def _number(content: bytes) -> int:
    return int.from_bytes(content, "big")
