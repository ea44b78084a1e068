# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Decode image files to the pixels that networks and masks need."""

from collections.abc import Callable
from pathlib import Path

from numpy import ndarray

from ppdeepfill.data.pictures import open_picture, rgb
from ppdeepfill.data.pixels import mask_levels
from ppdeepfill.errors import DataError


def read_image(path: Path) -> ndarray:
    """Read an image file as uint8 [H,W,3] RGB; see `decode_image`.

    Raises:
        DataError: the file does not exist, or is not a complete image.
    """
    return _read(path, decode_image)


def read_mask(path: Path) -> ndarray:
    """Read a mask file as grey levels uint8 [H,W]; see `decode_mask`.

    Raises:
        DataError: the file does not exist, or is not a complete image.
    """
    return _read(path, decode_mask)


def decode_image(content: bytes, *, at_least: tuple[int, int] | None = None) -> ndarray:
    """Decode an image file to uint8 [H,W,3] RGB.

    Grey is repeated on three channels, 16 bits are rounded to 8, an alpha channel is dropped, CMYK
    is converted without its profile, and the EXIF orientation is applied.

    Args:
        content: content of the file.
        at_least: a sufficient height and width. A large JPEG may be decoded at a half, a quarter or
            an eighth of its size as long as it stays this large; this is up to five times as fast.

    Raises:
        Refusal: the content cannot be used; the message is the reason.
    """
    return rgb(open_picture(content, at_least=at_least))


def decode_mask(content: bytes) -> ndarray:
    """Decode a mask file to grey levels uint8 [H,W]; transparent parts become black.

    Raises:
        Refusal: the content cannot be used; the message is the reason.
    """
    return mask_levels(open_picture(content).pixels)


def _read(path: Path, decode: Callable[[bytes], ndarray]) -> ndarray:
    path = Path(path)
    try:
        if path.exists() and not path.is_file():  # reading a pipe would wait for its writer
            raise ValueError("it is not a file")
        return decode(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"cannot read the image {path}: {reason}") from error
