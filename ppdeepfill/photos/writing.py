# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`Photo` -> an image file."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy import ndarray
from PIL import Image, TiffImagePlugin

from ppdeepfill.atomic_write import written_whole
from ppdeepfill.data import tiff
from ppdeepfill.data.pictures import as_stored
from ppdeepfill.errors import DataError, OutputError
from ppdeepfill.photos.photo import Photo
from ppdeepfill.photos.png_chunks import png_of_16_bits, with_chunks
from ppdeepfill.photos.reading import RESOLUTION_TAGS, TEXT_TAGS, photo_of

SUFFIXES = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
}
INCH = 2  # TIFF's default unit of resolutions
MOST_LOSS = 24  # mean difference, of 255: above it, something went wrong beyond lossy compression


def suffix_of(photo: Photo, own: str) -> str:
    """The suffix of the file to write: `own` if it fits the photo's format, else the usual one."""
    known = SUFFIXES[photo.format]
    return own if own.lower() in known else known[0]


def write_photo(path: Path, photo: Photo) -> Photo:
    """Write a file atomically, with the pixels in their stored orientation again.

    The encoded file is read back first, to check that size, channels, depth and, in lossless
    formats, all values are those of the photo. Metadata that cannot be written is dropped.

    Returns:
        The photo as written, with a note on anything dropped.

    Raises:
        DataError: the format cannot hold this photo.
        OutputError: the file cannot be written; an existing file stays untouched.
    """
    content, photo = encoded(photo, path)
    try:
        with written_whole(path) as partial:
            partial.write_bytes(content)
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}; free some space or change --save_dir"
        ) from error
    return photo


def encoded(photo: Photo, name: str | Path) -> tuple[bytes, Photo]:
    """Encode a photo; return the file's content, and the photo as encoded.

    Metadata that cannot be written is dropped, with a note.

    Args:
        photo: the photo.
        name: its name in messages.

    Raises:
        DataError: its format cannot hold this photo.
    """
    for candidate in (photo, _without_metadata(photo)):
        try:
            content = _encode(candidate)
        except Exception:  # each encoder has its own limits, such as the longest record
            continue
        if _reads_as(content, candidate):
            return content, candidate
    height, width = photo.pixels.shape[:2]
    raise DataError(
        f"cannot write {name} as {photo.format}: the format cannot hold {width} x {height} pixels "
        f"with {photo.pixels.shape[2]} channels in {photo.pixels.dtype}; --format png may help"
    )


def _without_metadata(photo: Photo) -> Photo:
    """The photo without metadata, stored upright, since no viewer would rotate it without EXIF."""
    empty = {"tiffinfo": TiffImagePlugin.ImageFileDirectory_v2()} if photo.format == "TIFF" else {}
    note = "its metadata (profile, EXIF) cannot be written and is left out"
    return replace(photo, metadata=empty, chunks=(), orientation=1, notes=(*photo.notes, note))


def _reads_as(content: bytes, photo: Photo) -> bool:
    """Whether a file's content decodes to the photo, here and in other programs."""
    try:
        with tiff.undamaged() if photo.format == "TIFF" else nullcontext():
            Image.open(BytesIO(content)).load()  # reads every chunk, which our reader would skip
        back = photo_of(content)
    except Exception:
        return False
    if back.pixels.shape != photo.pixels.shape or back.pixels.dtype != photo.pixels.dtype:
        return False
    if not photo.lossy:
        return np.array_equal(back.pixels, photo.pixels)
    return cv2.absdiff(back.pixels, photo.pixels).mean() < MOST_LOSS


def _encode(photo: Photo) -> bytes:
    pixels = as_stored(photo.pixels, photo.orientation)
    if photo.format == "PNG":
        deep = pixels.dtype == np.uint16
        return with_chunks(png_of_16_bits(pixels) if deep else _pillow(pixels, "PNG"), photo.chunks)
    if pixels.dtype == np.uint16:
        return _tiff_16_bit(pixels, photo.metadata)
    return _pillow(pixels, photo.format, **photo.compression, **photo.metadata)


def _pillow(pixels: ndarray, file_format: str, **options: Any) -> bytes:
    content = BytesIO()
    one_channel = pixels.shape[2] == 1
    image = Image.fromarray(pixels[..., 0] if one_channel else pixels)
    with tiff.undamaged() if file_format == "TIFF" else nullcontext():
        image.save(content, file_format, **options)
    return content.getvalue()


def _tiff_16_bit(pixels: ndarray, metadata: Mapping) -> bytes:
    """uint16 [H, W, C] -> a TIFF file. OpenCV would drop the colour profile."""
    content = BytesIO()
    channels = pixels.shape[2]
    tags = metadata["tiffinfo"]
    tifffile.imwrite(
        content,
        pixels[..., 0] if channels == 1 else pixels,
        photometric="minisblack" if channels <= 2 else "rgb",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        compression="zlib",
        iccprofile=metadata.get("icc_profile"),
        **_resolution(tags),
        extratags=[(t, 2, 0, str(tags[t]).encode("latin-1"), True) for t in TEXT_TAGS if t in tags],
        metadata=None,
        software=False,
    )
    return content.getvalue()


def _resolution(tags: Mapping) -> dict:
    along_x, along_y, unit = RESOLUTION_TAGS
    if along_x not in tags or along_y not in tags:
        return {}
    return {
        "resolution": (float(tags[along_x]), float(tags[along_y])),
        "resolutionunit": int(tags.get(unit, INCH)),
    }
