# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""An image file -> `Photo`."""

from collections.abc import Container, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, JpegImagePlugin, TiffImagePlugin

from ppdeepfill.data.bad_image import BadImage
from ppdeepfill.data.pictures import Picture, open_picture
from ppdeepfill.data.png import EXIF
from ppdeepfill.errors import DataError
from ppdeepfill.photos.exif import PREFIX, without_thumbnail
from ppdeepfill.photos.photo import Photo
from ppdeepfill.photos.png_chunks import profile_chunk, xmp_chunk

# Formats read -> format written, if different.
WRITTEN_AS = {
    "DIB": "BMP",
    "GIF": "PNG",  # its 256 colours leave none for the filled hole
    "AVIF": "PNG",  # we could not compress it like the original
}
TIFF_COMPRESSIONS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits")  # the lossless ones
# TIFF tags: description, maker, model, software, date, artist, copyright.
TEXT_TAGS = (270, 271, 272, 305, 306, 315, 33432)
RESOLUTION_TAGS = (282, 283, 296)  # along x, along y, and their unit
XMP_TAG = 700
TIFF_TAGS = (*TEXT_TAGS, *RESOLUTION_TAGS, XMP_TAG)
TIFF_DIRECTORIES = (0x8769, 0x8825)  # EXIF, GPS
KEPT_WITH_16_BITS = frozenset({*TEXT_TAGS, *RESOLUTION_TAGS})
PALETTES = {"1": "its two levels become grey", "P": "its palette becomes RGB"}


def read_photo(path: Path) -> Photo:
    """Read a PNG, JPEG, WebP, TIFF, BMP, GIF or AVIF with 8 or 16 bits.

    Raises:
        DataError: the file does not exist, is cut off or damaged, holds more than one picture, or
            is neither grey nor RGB.
    """
    try:
        if path.exists() and not path.is_file():  # reading a pipe would wait for its writer
            raise DataError(f"cannot read the image {path}: it is not a file")
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read the image {path}: {error.strerror or error}") from error
    return photo_from(content, path)


def photo_from(content: bytes, name: str | Path, *, most_pixels: int | None = None) -> Photo:
    """Decode a file's content to a photo, as `read_photo` does.

    Args:
        content: content of the file.
        name: its name in messages.
        most_pixels: refuse larger photos before decoding them; None: see `open_picture`.

    Raises:
        DataError: as in `read_photo`.
    """
    try:
        return photo_of(content, most_pixels=most_pixels)
    except BadImage as error:
        raise DataError(f"cannot read the image {name}: {error}") from error


def photo_of(content: bytes, *, most_pixels: int | None = None) -> Photo:
    """Decode a file's content; raise `BadImage` if we cannot fill such a photo."""
    picture = open_picture(content, most_pixels=most_pixels)
    image = picture.image
    if image.mode == "CMYK":
        raise BadImage("its colours are CMYK; convert it to RGB or grey first")
    notes = [*picture.notes]
    file_format = WRITTEN_AS.get(image.format, image.format)
    if file_format == "BMP" and picture.pixels.shape[2] == 4:
        file_format = "PNG"  # programs disagree on alpha in a BMP
    if file_format != image.format:
        notes.append(f"it is a {image.format} but written as {file_format}")
    if image.mode in PALETTES:
        notes.append(PALETTES[image.mode])
    metadata, chunks = _metadata(picture, notes)
    # Without EXIF in the result, viewers would not know that they have to rotate it.
    keeps_orientation = "exif" in metadata or EXIF in dict(chunks)
    return Photo(
        pixels=picture.pixels,
        format=file_format,
        orientation=picture.orientation if keeps_orientation else 1,
        compression=_compression(image, content, metadata) if file_format == image.format else {},
        metadata=metadata if file_format == image.format else {},
        chunks=chunks,
        lossy=_is_lossy(image, content) if file_format == image.format else False,
        notes=tuple(notes),
    )


def _is_lossy(image: Image.Image, content: bytes) -> bool:
    if image.format == "WEBP":
        return b"VP8L" not in _webp_chunks(content)
    return image.format == "JPEG"


def _webp_chunks(content: bytes) -> set[bytes]:
    """Names of the chunks of a WebP file."""
    names, position = set(), 12
    while position + 8 <= len(content):
        names.add(content[position : position + 4])
        length = int.from_bytes(content[position + 4 : position + 8], "little")
        position += 8 + length + length % 2
    return names


def _metadata(picture: Picture, notes: list[str]) -> tuple[dict, tuple]:
    """`Photo.metadata` and `Photo.chunks` of a file; adds a note on anything unreadable."""
    image = picture.image
    if image.format == "PNG":
        return {}, tuple(_without_thumbnails(picture.png_metadata, notes))
    icc = image.info.get("icc_profile")
    exif = _clean_exif(image.info.get("exif", b""), notes)
    chunks = [profile_chunk(icc)] if icc else []
    chunks += [(EXIF, exif.removeprefix(PREFIX))] if exif else []
    chunks += [xmp_chunk(picture.xmp)] if picture.xmp else []
    if image.format == "TIFF":
        tags = _tiff_tags(image, notes)
        if picture.pixels.dtype == np.uint16 and not KEPT_WITH_16_BITS.issuperset(tags):
            notes.append("a 16-bit TIFF keeps only its profile and text metadata")
        metadata = {"icc_profile": icc, "tiffinfo": tags}
    else:
        metadata = {"icc_profile": icc, "exif": exif, "xmp": picture.xmp}
        metadata["dpi"] = image.info.get("dpi")
    return {n: v for n, v in metadata.items() if v is not None and v != b""}, tuple(chunks)


def _clean_exif(exif: bytes, notes: list[str]) -> bytes:
    cleaned = without_thumbnail(exif) if exif else b""
    if exif and not cleaned:
        notes.append("its EXIF is unreadable and left out")
    return cleaned


def _without_thumbnails(
    chunks: tuple[tuple[bytes, bytes], ...], notes: list[str]
) -> Iterator[tuple[bytes, bytes]]:
    for name, body in chunks:
        kept = _clean_exif(body, notes) if name == EXIF else body
        if kept:
            yield name, kept


def _compression(image: Image.Image, content: bytes, metadata: dict) -> dict:
    if image.format == "JPEG":
        # With the same tables and sampling, unchanged pixels round to nearly the same values.
        return {
            "qtables": image.quantization,
            "subsampling": JpegImagePlugin.get_sampling(image),
            "progressive": bool(image.info.get("progressive")),
        }
    if image.format == "WEBP":
        lossy = {"quality": 95}
        return lossy if _is_lossy(image, content) else {"lossless": True, "exact": True}
    if image.format == "TIFF":
        return {"compression": _tiff_compression(image, metadata["tiffinfo"])}
    return {}


def _tiff_compression(image: Image.Image, tags: Container[int]) -> str:
    compression = image.info.get("compression")
    if any(directory in tags for directory in TIFF_DIRECTORIES):
        return "raw"  # Pillow cannot write a compressed TIFF with EXIF or GPS
    return compression if compression in TIFF_COMPRESSIONS else "tiff_lzw"


def _tiff_tags(image: Image.Image, notes: list[str]) -> TiffImagePlugin.ImageFileDirectory_v2:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    lost = False
    for tag in TIFF_TAGS:
        if tag in image.tag_v2:
            try:
                value = image.tag_v2[tag]
                tags.tagtype[tag] = image.tag_v2.tagtype[tag]
                tags[tag] = value
            except Exception:  # a damaged entry may raise anything
                lost = True
    for directory in TIFF_DIRECTORIES:
        try:
            if entries := image.getexif().get_ifd(directory):
                tags[directory] = dict(entries)
        except Exception:
            lost = True
    if lost:
        notes.append("some of its metadata is unreadable and left out")
    return tags
