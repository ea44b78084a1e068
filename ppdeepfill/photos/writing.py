# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`Photo` -> an image file."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import tifffile
from numpy import ndarray
from PIL import Image

from ppdeepfill.atomic_write import written_whole
from ppdeepfill.errors import DataError, OutputError
from ppdeepfill.photos.photo import Photo, as_stored
from ppdeepfill.photos.png_chunks import with_chunks

SUFFIXES = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
}
TEXT_TAGS = (270, 271, 272, 305, 306, 315, 33432)  # of a TIFF: description, maker, model and so on


def suffix_of(photo: Photo, own: str) -> str:
    """The ending of the file to write: its `own`, where that names the photo's format."""
    known = SUFFIXES[photo.format]
    return own if own.lower() in known else known[0]


def write_photo(path: Path, photo: Photo) -> None:
    """Write a file, whole or not at all, with the pixels turned back to how they were stored.

    Raises:
        DataError: its format cannot hold this photo.
        OutputError: the file cannot be written; what was there before is untouched.
    """
    try:
        content = _encode(photo)
    except Exception as error:  # encoders have limits of many kinds, such as the largest side
        raise DataError(
            f"cannot write {path} as {photo.format}: {error}; --format png may help"
        ) from error
    try:
        with written_whole(path) as partial:
            partial.write_bytes(content)
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}; free some space or change --save_dir"
        ) from error


def _encode(photo: Photo) -> bytes:
    pixels = as_stored(photo.pixels, photo.orientation)
    if photo.format == "PNG":
        encoded = _cv2_png(pixels) if pixels.dtype == np.uint16 else _pillow(pixels, "PNG", {})
        return with_chunks(encoded, photo.chunks)
    if pixels.dtype == np.uint16:
        return _tiff_16_bit(pixels, photo.keep)
    return _pillow(pixels, photo.format, photo.keep)


def _pillow(pixels: ndarray, file_format: str, keep: Mapping) -> bytes:
    content = BytesIO()
    one_channel = pixels.shape[2] == 1
    Image.fromarray(pixels[..., 0] if one_channel else pixels).save(content, file_format, **keep)
    return content.getvalue()


def _cv2_png(pixels: ndarray) -> bytes:
    """Pillow writes no colours of 16 bits."""
    order = [2, 1, 0, 3][: pixels.shape[2]] if pixels.shape[2] > 1 else [0]
    _, content = cv2.imencode(".png", np.ascontiguousarray(pixels[..., order]))
    return content.tobytes()


def _tiff_16_bit(pixels: ndarray, keep: Mapping) -> bytes:
    """OpenCV would drop the colour profile."""
    content = BytesIO()
    channels = pixels.shape[2]
    tags = keep["tiffinfo"]
    tifffile.imwrite(
        content,
        pixels[..., 0] if channels == 1 else pixels,
        photometric="minisblack" if channels <= 2 else "rgb",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        compression="zlib",
        iccprofile=keep.get("icc_profile"),
        extratags=[(t, 2, 0, str(tags[t]).encode("latin-1"), True) for t in TEXT_TAGS if t in tags],
        metadata=None,
        software=False,
    )
    return content.getvalue()
