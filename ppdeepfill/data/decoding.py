# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The bytes of an image file -> pixels."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray

from ppdeepfill.errors import DataError

JPEG_SIGNATURE = b"\xff\xd8"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# What decides the pixels, as OpenCV reads them. About other chunks, such as colour profiles, libpng
# warns on stderr without saying which file it means.
PNG_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND"})
START_OF_SCAN = 0xDA
START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# What libjpeg can divide height and width by while it decodes: it leaves out the finest waves.
REDUCTIONS = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def read_image(path: Path) -> ndarray:
    """Reads an image file to uint8 [H,W,3] RGB; see `decode_image`.

    Raises:
        DataError: there is no such file, or it is not a whole image.
    """
    try:
        return decode_image(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"cannot read the image {path}: {reason}") from error


def decode_image(content: bytes, *, at_least: tuple[int, int] | None = None) -> ndarray:
    """Decodes an image file to uint8 [H,W,3] RGB.

    Grey images are repeated on three channels, 16-bit ones keep their upper byte, an alpha channel
    is dropped, and the EXIF orientation is applied.

    Args:
        content: of the file.
        at_least: a height and width that suffice. A JPEG that stays as large is decoded at a half,
            a quarter or an eighth of its size, up to five times as fast.

    Raises:
        ValueError: the content is empty, cut off or not an image; the message is the reason.
    """
    content = whole_content(content)
    flag = REDUCTIONS[_reduction(content, at_least)]
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flag)
    except cv2.error as error:  # e.g. more pixels than OpenCV admits
        raise ValueError(f"OpenCV cannot decode it: {str(error.err or error).strip()}") from error
    if image is None:
        raise ValueError("not an image, or damaged: OpenCV cannot decode it")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def whole_content(content: bytes) -> bytes:
    """What a decoder needs of an image file, which has to be there to its end.

    Raises:
        ValueError: the content is empty, cut off or damaged; the message is the reason.
    """
    if not content:
        raise ValueError("the file is empty (0 bytes)")
    if content.startswith(JPEG_SIGNATURE):
        _refuse_cut_jpeg(content)
    if content.startswith(PNG_SIGNATURE):
        return _checked_png(content)
    return content


def _refuse_cut_jpeg(content: bytes) -> None:
    """ValueError when the end mark is missing: OpenCV fills the rest of such a JPEG with grey."""
    if content.find(b"\xff\xd9", _jpeg_scan_start(content)) < 0:
        raise ValueError("the file is cut off: its end is missing")


def _jpeg_scan_start(content: bytes) -> int:
    """Where the compressed pixels begin: a thumbnail in the headers has an own end mark."""
    return max((end for _, _, end in _jpeg_headers(content)), default=2)


def _jpeg_headers(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of every segment before the compressed pixels."""
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


def _reduction(content: bytes, at_least: tuple[int, int] | None) -> int:
    """By how much the picture may be divided and still be so large, lying or upright.

    Only of JPEG: OpenCV decodes other formats in full and shrinks them, which gains nothing.
    """
    if at_least is None or not content.startswith(JPEG_SIGNATURE):
        return 1
    possible = min(_jpeg_sides(content)) // max(at_least)
    return max((n for n in REDUCTIONS if n <= possible), default=1)


def _jpeg_sides(content: bytes) -> tuple[int, int]:
    """Height and width as stored; 0, 0 where the header does not tell."""
    for marker, start, _ in _jpeg_headers(content):
        if marker in START_OF_FRAME:  # marker, length, a byte, height, width
            height, width = content[start + 5 : start + 7], content[start + 7 : start + 9]
            return _number(height), _number(width)
    return 0, 0


def _checked_png(content: bytes) -> bytes:
    """The PNG with `PNG_CHUNKS` only; ValueError when one of them is damaged or the end is missing.

    A chunk is its length in 4 bytes, its name in 4, its content, and a checksum of both in 4.
    """
    kept = [PNG_SIGNATURE]
    position = len(PNG_SIGNATURE)
    while (end := position + 12 + _number(content[position : position + 4])) <= len(content):
        name = content[position + 4 : position + 8]
        if name in PNG_CHUNKS:
            checksum = _number(content[end - 4 : end])
            if zlib.crc32(content[position + 4 : end - 4]) != checksum:
                raise ValueError(f"the file is damaged: wrong checksum at byte {position}")
            kept.append(content[position:end])
        if name == b"IEND":
            return b"".join(kept)
        position = end
    raise ValueError("the file is cut off: its end is missing")


def _number(content: bytes) -> int:
    return int.from_bytes(content, "big")
