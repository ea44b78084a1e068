# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The bytes of an image file -> pixels with all that decides them: channels, depth, orientation.

Everything that reads an image in this package goes through `open_picture`, so that photographs,
masks and training images are refused or converted alike. docs/data.md has the table.

Letters: H W image, C channels (1 grey, 2 grey and alpha, 3 RGB, 4 RGBA).
"""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy import ndarray
from PIL import Image, JpegImagePlugin, TiffImagePlugin, UnidentifiedImageError

from ppdeepfill.data import jpeg, png, tiff
from ppdeepfill.data.pixels import to_8_bit
from ppdeepfill.data.refusal import Refusal

ORIENTATION = 0x0112
# The axes that turn pixels as stored into pixels as displayed, by EXIF orientation; from 5 on, rows
# and columns are exchanged first.
FLIPS = {1: (), 2: (1,), 3: (0, 1), 4: (0,), 5: (), 6: (1,), 7: (0, 1), 8: (0,)}
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "AVIF")
# Pillow's modes and the ones with the same values in 8-bit channels.
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
XMP = ("xmp", "XML:com.adobe.xmp")  # Pillow would take an orientation from it; viewers do not
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1")


@dataclass(frozen=True)
class Picture:
    """A decoded file.

    Attributes:
        pixels: uint8 or uint16 [H, W, C] as displayed.
        orientation: EXIF orientation of the stored pixels, 1 to 8.
        image: the file as Pillow opened it, for its metadata; PNG without.
        xmp: the XMP record; empty without.
        described: (name, content) of a PNG's descriptive chunks.
        notes: what is not as in the file, each a sentence about it ("its palette ...").
    """

    pixels: ndarray
    orientation: int
    image: Image.Image
    xmp: bytes = b""
    described: tuple[tuple[bytes, bytes], ...] = ()
    notes: tuple[str, ...] = ()


def open_picture(
    content: bytes, *, at_least: tuple[int, int] | None = None, most_pixels: int | None = None
) -> Picture:
    """Decode an image file.

    Args:
        content: of the file.
        at_least: a height and width that suffice, see `jpeg.decode`; other formats come in full.
        most_pixels: refuse larger pictures before decoding them; None: twice Pillow's limit.

    Raises:
        Refusal: empty, cut off, damaged, too large, several pictures, or of a kind whose values
            have no defined meaning.
    """
    if most_pixels is None:
        most_pixels = 2 * (Image.MAX_IMAGE_PIXELS or 0)
    if not content:
        raise Refusal("the file is empty (0 bytes)")
    try:
        if content.startswith(jpeg.SIGNATURE):
            return _open_jpeg(content, at_least, most_pixels)
        if content.startswith(png.SIGNATURE):
            return _open_png(content, most_pixels)
        return _open_other(content, most_pixels)
    except Refusal:
        raise
    except UnidentifiedImageError as error:
        raise Refusal(_unknown(content)) from error
    except Image.DecompressionBombError as error:
        raise Refusal(_too_large(most_pixels)) from error
    except MemoryError as error:
        raise Refusal("there is not enough memory for its pixels") from error
    except Exception as error:  # decoders of damaged files raise nearly everything
        raise Refusal("the file is damaged: its pixels cannot be decoded") from error


def rgb(picture: Picture) -> ndarray:
    """uint8 [H, W, 3]: 16 bits are rounded to 8, grey is repeated, alpha is dropped."""
    colors = picture.pixels[..., : 1 if picture.pixels.shape[2] < 3 else 3]
    return np.ascontiguousarray(np.broadcast_to(to_8_bit(colors), [*colors.shape[:2], 3]))


def as_displayed(stored: ndarray, orientation: int) -> ndarray:
    """Pixels [H, W, ...] of a file -> as a viewer shows them."""
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
    """The file for its metadata, or without them where they keep Pillow from opening it."""
    try:
        return JpegImagePlugin.JpegImageFile(BytesIO(content)), ()
    except Exception:
        bare = jpeg.without_metadata(content)
        return JpegImagePlugin.JpegImageFile(BytesIO(bare)), (
            "its metadata cannot be read and are left out",
        )


def _open_png(content: bytes, most_pixels: int) -> Picture:
    parts = png.take_apart(content)
    _refuse_several(parts.frames)
    image = Image.open(BytesIO(parts.pixels), formats=["PNG"])
    _refuse_large(image.size, most_pixels)
    pixels = png.decode_16_bit(parts) if parts.bits == 16 else _in_8_bits(image)
    if parts.key is not None:
        pixels = png.with_key(pixels, parts)
    notes = tuple(
        f"its {name} (metadata) cannot be read and is left out" for name in parts.unreadable
    )
    exif = dict(parts.described).get(png.EXIF, b"")
    return _displayed(pixels, image, exif, described=parts.described, notes=notes)


def _open_other(content: bytes, most_pixels: int) -> Picture:
    image = Image.open(BytesIO(content))
    if image.format not in FORMATS:
        raise Refusal(f"it is {image.format}; expected PNG, JPEG, WebP, TIFF, BMP, GIF or AVIF")
    _refuse_large(image.size, most_pixels)
    _refuse_several(getattr(image, "n_frames", 1))
    xmp = next((image.info[name] for name in XMP if name in image.info), b"")
    for name in XMP:
        image.info.pop(name, None)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return _tiff(image, content, xmp)
    return _displayed(_in_8_bits(image), image, image.info.get("exif", b""), xmp)


def _tiff(image: TiffImagePlugin.TiffImageFile, content: bytes, xmp: bytes) -> Picture:
    """Upright: Pillow turns what it reads, and it is written so."""
    notes = tiff.check(image, content)
    if tiff.bits_of(image) < 16:
        with tiff.undamaged():
            pixels = _in_8_bits(image)
        return Picture(pixels, 1, image, xmp, notes=notes)
    with tiff.undamaged():
        stored = tiff.decode_16_bit(image, content)
    upright = as_displayed(stored, _known(image.tag_v2.get(ORIENTATION, 1)))
    return Picture(upright, 1, image, xmp, notes=notes)


def _displayed(
    pixels: ndarray,
    image: Image.Image,
    exif: bytes,
    xmp: bytes = b"",
    *,
    described: tuple[tuple[bytes, bytes], ...] = (),
    notes: tuple[str, ...] = (),
) -> Picture:
    """A picture turned as its EXIF record says."""
    try:
        record = Image.Exif()
        record.load(exif)
        orientation = _known(record.get(ORIENTATION, 1))
    except Exception:
        notes, orientation = (*notes, "its EXIF cannot be read: it is not turned"), 1
    return Picture(as_displayed(pixels, orientation), orientation, image, xmp, described, notes)


def _known(orientation: object) -> int:
    return orientation if isinstance(orientation, int) and orientation in FLIPS else 1


def _in_8_bits(image: Image.Image) -> ndarray:
    """uint8 [H, W, C] of an image of 8 bits or less a channel."""
    if image.mode not in MODES:
        raise Refusal(f"its colours are {image.mode}; convert it to RGB or grey first")
    transparent = "transparency" in image.info
    image.load()
    mode = MODES[image.mode]
    pixels = np.asarray(image.convert(WITH_ALPHA.get(mode, mode) if transparent else mode))
    return pixels.reshape([*pixels.shape[:2], -1])


def _refuse_large(sides: tuple[int, int], most_pixels: int) -> None:
    if sides[0] * sides[1] > most_pixels:
        raise Refusal(_too_large(most_pixels))


def _refuse_several(frames: int) -> None:
    if frames > 1:
        raise Refusal(f"it holds {frames} pictures; save the one to use as a file of its own")


def _unknown(content: bytes) -> str:
    if kind := tiff.type_of(content):
        if kind in ("uint8", "uint16"):
            return f"its channels in {kind} lie in a way that is not read; save it as PNG"
        return f"its samples are {kind}; convert it to 8 or 16 bits (uint8, uint16)"
    if content[4:8] == b"ftyp" and content[8:12] in HEIC_BRANDS:
        return "it is HEIC, which is not read here; convert it to JPEG or PNG"
    return "not an image, or damaged"


def _too_large(most_pixels: int) -> str:
    return f"it has more than {most_pixels // 10**6} million pixels; shrink it first"
