# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The bytes of an image file -> pixels."""

from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray

from ppdeepfill.errors import DataError


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


def decode_image(content: bytes) -> ndarray:
    """Decodes an image file to uint8 [H,W,3] RGB.

    Grey images are repeated on three channels, 16-bit ones keep their upper byte, an alpha channel
    is dropped, and the EXIF orientation is applied.

    Raises:
        ValueError: the content is empty, cut off or not an image; the message is the reason.
    """
    if not content:
        raise ValueError("the file is empty (0 bytes)")
    if _is_cut_off(content):
        raise ValueError("the file is cut off: its end is missing")
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:  # e.g. more pixels than OpenCV admits
        raise ValueError(f"OpenCV cannot decode it: {str(error.err or error).strip()}") from error
    if image is None:
        raise ValueError("not an image, or damaged: OpenCV cannot decode it")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _is_cut_off(content: bytes) -> bool:
    """True when the end mark is missing: OpenCV fills the rest of such a JPEG with grey."""
    if content.startswith(b"\xff\xd8"):
        return content.find(b"\xff\xd9", _jpeg_scan_start(content)) < 0
    if content.startswith(b"\x89PNG"):
        return content.rfind(b"IEND") < 0
    return False


def _jpeg_scan_start(content: bytes) -> int:
    """Where the compressed pixels begin: a thumbnail in the headers has an own end mark."""
    position = 2
    while position + 4 <= len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if marker == 0xDA:  # start of scan
            break
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        position += 2 + int.from_bytes(content[position + 2 : position + 4], "big")
    return position
