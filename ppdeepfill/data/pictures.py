# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Decode the bytes of an image file, with its channels, depth and orientation.

Everything in this package that reads an image goes through `open_picture`, so that photographs,
masks and training images are all refused or converted by the same rules; docs/data.md lists them.

Letters: H W image, C channels (1 grey, 2 grey and alpha, 3 RGB, 4 RGBA).
"""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy import ndarray
from PIL import Image, JpegImagePlugin, TiffImagePlugin, UnidentifiedImageError

from ppdeepfill.data import jpeg, png, tiff
from ppdeepfill.data.bad_image import BadImage
from ppdeepfill.data.pixels import to_8_bit

# EXIF orientation -> axes to flip from stored to displayed pixels; from 5 on, first exchange rows
# and columns.
FLIPS = {1: (), 2: (1,), 3: (0, 1), 4: (0,), 5: (), 6: (1,), 7: (0, 1), 8: (0,)}
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "AVIF")
# Pillow's modes -> the modes that hold the same values in 8-bit channels.
MODES = {
    "1": "L",
    "L": "L",
    "LA": "LA",
    "La": "LA",
    "P": "RGB",
    "PA": "RGBA",
    "RGB": "RGB",
    "RGBA": "RGBA",
    "CMYK": "RGB",
    "YCbCr": "RGB",
}
WITH_ALPHA = {"L": "LA", "RGB": "RGBA"}
XMP = ("xmp", "XML:com.adobe.xmp")  # Pillow would read an orientation from it; viewers do not
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1")


@dataclass(frozen=True)
class Picture:
    """A decoded file.

    Attributes:
        pixels: uint8 or uint16 [H, W, C] as displayed.
        orientation: EXIF orientation of the stored pixels, 1 to 8.
        image: the file as Pillow opened it, for its metadata; for a PNG without its metadata.
        xmp: the XMP record; empty if there is none.
        png_metadata: (name, content) of a PNG's metadata chunks.
        notes: what differs from the file, one phrase each ("its palette ...").
    """

    pixels: ndarray
    orientation: int
    image: Image.Image
    xmp: bytes = b""
    png_metadata: tuple[tuple[bytes, bytes], ...] = ()
    notes: tuple[str, ...] = ()


def open_picture(
    content: bytes, *, at_least: tuple[int, int] | None = None, most_pixels: int | None = None
) -> Picture:
    """Decode an image file.

    Args:
        content: content of the file.
        at_least: a sufficient height and width, see `jpeg.decode`; ignored for other formats.
        most_pixels: refuse larger pictures before decoding them; None: twice Pillow's limit.

    Raises:
        BadImage: the file is empty, cut off, damaged or too large, holds several pictures, or its
            values have no defined meaning.
    """
    if most_pixels is None:
        most_pixels = 2 * (Image.MAX_IMAGE_PIXELS or 0)
    if not content:
        raise BadImage("the file is empty (0 bytes)")
    try:
        if content.startswith(jpeg.SIGNATURE):
            return _open_jpeg(content, at_least, most_pixels)
        if content.startswith(png.SIGNATURE):
            return _open_png(content, most_pixels)
        return _open_other(content, most_pixels)
    except BadImage:
        raise
    except UnidentifiedImageError as error:
        raise BadImage(_unknown(content)) from error
    except Image.DecompressionBombError as error:
        raise BadImage(_too_large(most_pixels)) from error
    except MemoryError as error:
        raise BadImage("there is not enough memory for its pixels") from error
    except Exception as error:  # on damaged files, decoders raise nearly anything
        raise BadImage("the file is damaged: its pixels cannot be decoded") from error


def rgb(picture: Picture) -> ndarray:
    """uint8 [H, W, 3]: 16 bits are rounded to 8, grey is repeated, alpha is dropped."""
    colors = picture.pixels[..., : 1 if picture.pixels.shape[2] < 3 else 3]
    return np.ascontiguousarray(np.broadcast_to(to_8_bit(colors), [*colors.shape[:2], 3]))


def as_displayed(stored: ndarray, orientation: int) -> ndarray:
    """Pixels [H, W, ...] as stored in a file -> as a viewer shows them."""
    turned = stored.swapaxes(0, 1) if orientation >= 5 else stored
    return np.ascontiguousarray(np.flip(turned, FLIPS[orientation]))


def as_stored(displayed: ndarray, orientation: int) -> ndarray:
    """The inverse of `as_displayed`."""
    flipped = np.flip(displayed, FLIPS[orientation])
    return np.ascontiguousarray(flipped.swapaxes(0, 1) if orientation >= 5 else flipped)


def _open_jpeg(content: bytes, at_least: tuple[int, int] | None, most_pixels: int) -> Picture:
    content = jpeg.cut_at_end(content)
    _refuse_large(jpeg.sides(content), most_pixels)
    image, notes = _jpeg_header(content)
    if jpeg.components(content) in (1, 3):
        pixels = jpeg.decode(content, at_least=at_least)
    else:
        pixels = _in_8_bits(image)
    exif, xmp = image.info.get("exif", b""), image.info.get("xmp", b"")
    return _displayed(pixels, image, exif, xmp, notes=notes)


def _jpeg_header(content: bytes) -> tuple[Image.Image, tuple[str, ...]]:
    """Open a file for its metadata; without it, and with a note, if Pillow cannot read it."""
    try:
        return JpegImagePlugin.JpegImageFile(BytesIO(content)), ()
    except Exception:
        bare = jpeg.without_metadata(content)
        return JpegImagePlugin.JpegImageFile(BytesIO(bare)), (
            "its metadata is unreadable and left out",
        )


def _open_png(content: bytes, most_pixels: int) -> Picture:
    parts = png.take_apart(content)
    _refuse_several(parts.frames)
    image = Image.open(BytesIO(parts.pixels), formats=["PNG"])
    _refuse_large(image.size, most_pixels)
    pixels = png.decode_16_bit(parts) if parts.bits == 16 else _in_8_bits(image)
    if parts.key is not None:
        pixels = png.with_key(pixels, parts)
    notes = tuple(f"its {name} (metadata) is unreadable and left out" for name in parts.unreadable)
    exif = dict(parts.metadata).get(png.EXIF, b"")
    return _displayed(pixels, image, exif, png_metadata=parts.metadata, notes=notes)


def _open_other(content: bytes, most_pixels: int) -> Picture:
    image = Image.open(BytesIO(content))
    if image.format not in FORMATS:
        raise BadImage(f"it is {image.format}; expected PNG, JPEG, WebP, TIFF, BMP, GIF or AVIF")
    _refuse_large(image.size, most_pixels)
    _refuse_several(getattr(image, "n_frames", 1))
    xmp = next((image.info[name] for name in XMP if name in image.info), b"")
    for name in XMP:
        image.info.pop(name, None)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return _tiff(image, content, xmp)
    return _displayed(_in_8_bits(image), image, image.info.get("exif", b""), xmp)


def _tiff(image: TiffImagePlugin.TiffImageFile, content: bytes, xmp: bytes) -> Picture:
    """A picture as displayed, with orientation 1, because Pillow rotates a TIFF on reading."""
    notes = tiff.check(image, content)
    if tiff.bits_of(image) < 16:
        with tiff.undamaged():
            pixels = _in_8_bits(image)
        return Picture(pixels, 1, image, xmp, notes=notes)
    with tiff.undamaged():
        stored = tiff.decode_16_bit(image, content)
    upright = as_displayed(stored, _valid(image.tag_v2.get(tiff.ORIENTATION, 1)))
    return Picture(upright, 1, image, xmp, notes=notes)


def _displayed(
    pixels: ndarray,
    image: Image.Image,
    exif: bytes,
    xmp: bytes = b"",
    *,
    png_metadata: tuple[tuple[bytes, bytes], ...] = (),
    notes: tuple[str, ...] = (),
) -> Picture:
    """A picture rotated as its EXIF record says."""
    try:
        record = Image.Exif()
        record.load(exif)
        orientation = _valid(record.get(tiff.ORIENTATION, 1))  # EXIF has TIFF's tags
    except Exception:
        notes, orientation = (*notes, "its EXIF is unreadable: it is not rotated"), 1
    return Picture(as_displayed(pixels, orientation), orientation, image, xmp, png_metadata, notes)


def _valid(orientation: object) -> int:
    return orientation if isinstance(orientation, int) and orientation in FLIPS else 1


def _in_8_bits(image: Image.Image) -> ndarray:
    """uint8 [H, W, C] of an image with at most 8 bits per channel."""
    if image.mode not in MODES:
        raise BadImage(f"its colours are {image.mode}; convert it to RGB or grey first")
    transparent = "transparency" in image.info
    image.load()
    mode = MODES[image.mode]
    pixels = np.asarray(image.convert(WITH_ALPHA.get(mode, mode) if transparent else mode))
    return pixels.reshape([*pixels.shape[:2], -1])


def _refuse_large(sides: tuple[int, int], most_pixels: int) -> None:
    if sides[0] * sides[1] > most_pixels:
        raise BadImage(_too_large(most_pixels))


def _refuse_several(frames: int) -> None:
    if frames > 1:
        raise BadImage(f"it holds {frames} pictures; save the one to use as a separate file")


def _unknown(content: bytes) -> str:
    if kind := tiff.type_of(content):
        if kind in ("uint8", "uint16"):
            return f"its layout of {kind} channels is not supported; save it as PNG"
        return f"its samples are {kind}; convert it to 8 or 16 bits (uint8, uint16)"
    if content[4:8] == b"ftyp" and content[8:12] in HEIC_BRANDS:
        return "it is HEIC, which is not supported; convert it to JPEG or PNG"
    return "not an image, or damaged"


def _too_large(most_pixels: int) -> str:
    return f"it has more than {most_pixels // 10**6} million pixels; shrink it first"
