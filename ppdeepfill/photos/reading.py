# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""An image file -> `Photo`."""

from collections.abc import Container, Iterable, Iterator
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray
from PIL import Image, JpegImagePlugin, TiffImagePlugin, UnidentifiedImageError

from ppdeepfill.data.decoding import whole_content
from ppdeepfill.errors import DataError
from ppdeepfill.photos.exif import PREFIX, without_thumbnail
from ppdeepfill.photos.photo import FLIPS, Photo, as_displayed
from ppdeepfill.photos.png_chunks import descriptive_chunks, profile_chunk

ORIENTATION = 0x0112
# What is written for what is read. Phones store JPEG with a second picture as MPO.
WRITTEN_AS = {
    "PNG": "PNG",
    "JPEG": "JPEG",
    "MPO": "JPEG",
    "WEBP": "WEBP",
    "TIFF": "TIFF",
    "BMP": "BMP",
    "GIF": "PNG",  # its 256 colours have none left for a hole
}
# Pillow's modes and the ones with the same values in 8-bit channels. CMYK and others have none.
MODES = {"1": "L", "L": "L", "LA": "LA", "P": "RGB", "PA": "RGBA", "RGB": "RGB", "RGBA": "RGBA"}
WITH_ALPHA = {"L": "LA", "RGB": "RGBA"}
TIFF_COMPRESSIONS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits")  # those without loss
# Of a TIFF: description, maker, model, resolution (3), software, date, artist, copyright, XMP.
TIFF_TAGS = (270, 271, 272, 282, 283, 296, 305, 306, 315, 33432, 700)
TIFF_BITS, TIFF_SAMPLE_FORMAT, TIFF_DIRECTORIES = 258, 339, (0x8769, 0x8825)  # EXIF, GPS


def read_photo(path: Path) -> Photo:
    """Read a PNG, JPEG, WebP, TIFF, BMP or GIF of 8 or 16 bits.

    Raises:
        DataError: no such file, cut off or damaged, more than one picture, or colours that are
            neither grey nor RGB.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read the image {path}: {error.strerror or error}") from error
    try:
        return _decode(content)
    except UnidentifiedImageError as error:
        raise DataError(f"cannot read the image {path}: not an image, or damaged") from error
    except Exception as error:  # decoders of damaged files raise nearly everything
        raise DataError(f"cannot read the image {path}: {error}") from error


def _decode(content: bytes) -> Photo:
    for_opencv = whole_content(content)
    image = Image.open(BytesIO(content))
    _refuse_other_kinds(image)
    orientation = _orientation(image)
    deep = _is_deep(image, content)
    keep, chunks = _kept(image, content)
    if deep:
        pixels = _decode_16_bit(for_opencv)
    else:
        pixels = _in_channels(image)
    return Photo(
        pixels=as_displayed(pixels, orientation),
        format=WRITTEN_AS[image.format],
        orientation=orientation,
        keep=keep,
        chunks=chunks,
        lossy=_is_lossy(image, content),
    )


def _refuse_other_kinds(image: Image.Image) -> None:
    if image.format not in WRITTEN_AS:
        raise ValueError(
            f"it is {image.format}; expected PNG, JPEG, WebP, TIFF, BMP or a still GIF"
        )
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise ValueError(f"it holds {frames} pictures; save the one to fill as a file of its own")
    if image.format == "TIFF" and max(image.tag_v2.get(TIFF_SAMPLE_FORMAT, (1,))) != 1:
        raise ValueError("its pixels are not whole numbers from 0 on; save it with 8 or 16 bits")
    if image.mode not in MODES and not image.mode.startswith("I"):  # I: 16 bits, see _is_deep
        raise ValueError(f"its colours are {image.mode}; convert it to RGB or grey first")


def _orientation(image: Image.Image) -> int:
    """EXIF orientation of the pixels as the decoders return them."""
    if image.format == "TIFF":
        return 1  # Pillow and OpenCV turn these themselves; written upright, without the tag
    orientation = image.getexif().get(ORIENTATION, 1)
    return orientation if orientation in FLIPS else 1


def _is_deep(image: Image.Image, content: bytes) -> bool:
    """True for 16 bits a channel, whatever Pillow makes of it; ValueError for more."""
    bits = 8
    if image.format == "PNG":
        bits = content[24]
    elif image.format == "TIFF":
        bits = max(image.tag_v2.get(TIFF_BITS, (1,)))
    if bits > 16 or (bits <= 8 and image.mode not in MODES):
        raise ValueError(f"it has {bits} bits a channel; save it with 8 or 16")
    return bits > 8


def _decode_16_bit(content: bytes) -> ndarray:
    """uint16 [H, W, C]; Pillow would drop the lower half of colours."""
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise ValueError("OpenCV cannot decode its 16 bits a channel")
    if pixels.ndim == 2:
        return pixels[..., None]
    return pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]


def _in_channels(image: Image.Image) -> ndarray:
    """uint8 [H, W, C] of an image of 8 bits or less a channel."""
    transparent = "transparency" in image.info
    image.load()
    mode = MODES[image.mode]
    pixels = np.asarray(image.convert(WITH_ALPHA.get(mode, mode) if transparent else mode))
    return pixels.reshape([*pixels.shape[:2], -1])


def _is_lossy(image: Image.Image, content: bytes) -> bool:
    if image.format == "WEBP":
        return b"VP8L" not in content[:4096]
    return image.format in ("JPEG", "MPO")


def _kept(image: Image.Image, content: bytes) -> tuple[dict, tuple]:
    """`Photo.keep` and `Photo.chunks` of a file."""
    if image.format == "PNG":
        return {}, tuple(_without_thumbnails(descriptive_chunks(content)))
    icc, exif = image.info.get("icc_profile"), image.info.get("exif", b"")
    exif = without_thumbnail(exif) if exif else b""
    chunks = [profile_chunk(icc)] if icc else []
    chunks += [(b"eXIf", exif.removeprefix(PREFIX))] if exif else []
    keep = {"icc_profile": icc, "exif": exif, "xmp": image.info.get("xmp")}
    keep |= {"dpi": image.info["dpi"]} if "dpi" in image.info else {}
    if image.format in ("JPEG", "MPO"):
        keep |= _jpeg_compression(image)
    elif image.format == "WEBP":
        keep |= {"quality": 95} if _is_lossy(image, content) else {"lossless": True, "exact": True}
    elif image.format == "TIFF":
        keep = {"icc_profile": icc, "tiffinfo": _tiff_tags(image)}
        keep["compression"] = _tiff_compression(image, keep["tiffinfo"])
    return {n: v for n, v in keep.items() if v is not None and v != b""}, tuple(chunks)


def _without_thumbnails(chunks: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    for name, body in chunks:
        yield name, without_thumbnail(body) if name == b"eXIf" else body


def _jpeg_compression(image: Image.Image) -> dict:
    """The same tables and sampling: what has not changed is rounded to nearly the same values."""
    return {
        "qtables": image.quantization,
        "subsampling": JpegImagePlugin.get_sampling(image),
        "progressive": bool(image.info.get("progressive")),
    }


def _tiff_compression(image: Image.Image, tags: Container[int]) -> str:
    compression = image.info.get("compression")
    if any(directory in tags for directory in TIFF_DIRECTORIES):
        return "raw"  # Pillow's compressing writer fails on EXIF and GPS
    return compression if compression in TIFF_COMPRESSIONS else "tiff_lzw"


def _tiff_tags(image: Image.Image) -> TiffImagePlugin.ImageFileDirectory_v2:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag in TIFF_TAGS:
        if tag in image.tag_v2:
            tags.tagtype[tag] = image.tag_v2.tagtype[tag]
            tags[tag] = image.tag_v2[tag]
    exif = image.getexif()
    for directory in TIFF_DIRECTORIES:
        if entries := exif.get_ifd(directory):
            tags[directory] = dict(entries)
    return tags
