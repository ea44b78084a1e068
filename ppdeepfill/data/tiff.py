# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""TIFF files: check their layout, and read 16-bit pixels, which Pillow would cut to 8 bits.

Pillow reads up to 8 bits in every layout, tifffile 16 bits in every layout but not every
compression, and OpenCV the rest. Files without a defined white, or with unknown channels, are
refused.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from tempfile import TemporaryFile
from threading import RLock

import cv2
import numpy as np
import tifffile
from numpy import ndarray
from PIL.TiffImagePlugin import TiffImageFile

from ppdeepfill.data.bad_image import BadImage

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
BITS = (1, 2, 4, 8, 16)
UNSIGNED, SIGNED, FLOAT, UNDEFINED = 1, 2, 3, 4
TYPE_NAMES = {UNSIGNED: "uint", SIGNED: "int", FLOAT: "float", UNDEFINED: "undefined"}
WHITE_IS_ZERO = 0
GREY_OR_RGB = (0, 1, 2)
PREMULTIPLIED = 1
# Tags that describe the layout.
WIDTH, HEIGHT, COMPRESSION, ROWS_PER_STRIP, TILE_WIDTH, TILE_HEIGHT = 256, 257, 259, 278, 322, 323
BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLES, PLANAR = 258, 262, 277, 284
EXTRA_SAMPLES, SAMPLE_FORMAT = 338, 339
ORIENTATION = 274
SEGMENTS = ((273, 279), (324, 325))  # offsets and lengths of strips, and of tiles
FAX = (2, 3, 4, 32771)  # compressions by CCITT
_STDERR = RLock()  # only one thread at a time can redirect it


def type_of(content: bytes) -> str | None:
    """The sample type of a file that Pillow cannot open; None if it is not a TIFF."""
    if not content.startswith(SIGNATURES):
        return None
    try:
        page = tifffile.TiffFile(BytesIO(content)).pages.first
        return str(page.dtype) if page.dtype is not None else None
    except Exception:  # a damaged file may raise anything
        return None


def check(image: TiffImageFile, content: bytes) -> tuple[str, ...]:
    """Check that the file can be read correctly; return notes on what will change.

    Raises:
        BadImage: it cannot; the message says why.
    """
    tags = image.tag_v2
    kinds = set(_numbers(tags, SAMPLE_FORMAT, (UNSIGNED,))) - {UNDEFINED} or {UNSIGNED}
    bits = set(_numbers(tags, BITS_PER_SAMPLE, (1,)))
    if kinds != {UNSIGNED} or len(bits) > 1 or not bits <= set(BITS):
        name = "complex" if max(kinds) > UNDEFINED else TYPE_NAMES.get(max(kinds), "unknown")
        sizes = "/".join(map(str, sorted(bits)))
        raise BadImage(
            f"its samples are {name}{sizes}, for which white is not defined; convert it to 8 or 16 "
            "bits (uint8, uint16)"
        )
    _check_segments(tags, len(content))
    if tags.get(COMPRESSION, 1) in FAX:  # rows after an early end stay undefined memory, silently
        raise BadImage(
            "its fax compression (CCITT) can hide missing rows; save it as PNG, or with LZW"
        )
    if tags.get(SAMPLES, 1) == 2 and tags.get(PLANAR, 1) != 1:
        raise BadImage("its channel layout is not supported; save it as PNG")
    extra = _numbers(tags, EXTRA_SAMPLES, ())
    expected = {0: 1, 1: 1, 2: 3}.get(tags.get(PHOTOMETRIC, -1))
    if expected and (len(extra) > 1 or tags.get(SAMPLES, 1) - expected != len(extra)):
        raise BadImage(
            f"it has {tags.get(SAMPLES, 1)} channels; save it as grey or RGB, optionally with alpha"
        )
    if extra == (0,):
        raise BadImage(
            "it has a channel of unspecified meaning; save it without that channel, or as alpha"
        )
    if extra != (PREMULTIPLIED,):
        return ()
    if max(bits) == 16:
        raise BadImage("its 16-bit alpha is premultiplied; save it with straight alpha")
    return ("its alpha is premultiplied but written as straight alpha",)


@contextmanager
def undamaged() -> Iterator[None]:
    """Raise `BadImage` if libtiff reports damage, which it only prints to stderr before going on.

    Only one thread at a time can be in this context, because stderr belongs to the process.
    """
    with _STDERR, TemporaryFile() as messages:
        stderr = os.dup(2)
        os.dup2(messages.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            messages.seek(0)
            damaged = b"Decode" in messages.read()
    if damaged:
        raise BadImage("the file is damaged: its pixels cannot be decoded")


def bits_of(image: TiffImageFile) -> int:
    """Bits per channel."""
    return max(_numbers(image.tag_v2, BITS_PER_SAMPLE, (1,)))


def decode_16_bit(image: TiffImageFile, content: bytes) -> ndarray:
    """uint16 [H, W, C] as stored.

    Raises:
        BadImage: none of our readers knows the layout.
    """
    tags = image.tag_v2
    if tags.get(PHOTOMETRIC) not in GREY_OR_RGB:
        raise BadImage("its colours are neither grey nor RGB; convert it to one of these")
    pixels = _by_tifffile(content)
    if pixels is None:
        pixels = _by_opencv(image, content)
    if pixels.dtype != np.uint16 or pixels.shape != (*_size(image), tags.get(SAMPLES, 1)):
        raise BadImage("the file is damaged: its pixels do not have the size in its header")
    return 65535 - pixels if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO else pixels


def _by_tifffile(content: bytes) -> ndarray | None:
    """Pixels; None if the compression needs a package that is not installed."""
    with tifffile.TiffFile(BytesIO(content)) as file:
        page = file.pages.first
        try:
            pixels = page.asarray()
        except ValueError as error:
            if "imagecodecs" in str(error):
                return None
            raise
    channels = page.samplesperpixel
    if channels == 1:
        return pixels[..., None]
    return np.moveaxis(pixels, 0, -1) if page.planarconfig == 2 else pixels


def _by_opencv(image: TiffImageFile, content: bytes) -> ndarray:
    """Pixels, compared with Pillow's upper bytes, because OpenCV silently misreads some layouts."""
    advice = "save it without compression, or with deflate"
    if image.tag_v2.get(PLANAR, 1) != 1 or image.tag_v2.get(ORIENTATION, 1) != 1:
        raise BadImage(f"its layout cannot be read with this compression; {advice}")
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise BadImage(f"its compression is unknown, or the file is damaged; {advice}")
    pixels = pixels.reshape([*pixels.shape[:2], -1])
    pixels = pixels[..., [[0], [0, 1], [2, 1, 0], [2, 1, 0, 3]][pixels.shape[2] - 1]]
    upper_bytes = np.asarray(image)
    if upper_bytes.dtype == np.uint8:
        upper_bytes = upper_bytes.reshape([*upper_bytes.shape[:2], -1]).astype(np.uint16)
        if upper_bytes.shape != pixels.shape or (upper_bytes != pixels >> 8).any():
            raise BadImage(f"two decoders disagree on its pixels; {advice}")
    return pixels


def _check_segments(tags, length: int) -> None:
    """Raise BadImage if the header places pixels outside the file, or places none of them."""
    for offset_tag, length_tag in SEGMENTS:
        places = zip(_numbers(tags, offset_tag, ()), _numbers(tags, length_tag, ()), strict=False)
        if any(size == 0 or start + size > length for start, size in places):
            raise BadImage("the file is cut off or damaged: pixels are missing")
    width, height = tags[WIDTH], tags[HEIGHT]
    rows = tags.get(TILE_HEIGHT) or min(height, tags.get(ROWS_PER_STRIP, height))  # of a segment
    across, down = -(-width // tags.get(TILE_WIDTH, width)), -(-height // rows)
    planes = tags.get(SAMPLES, 1) if tags.get(PLANAR, 1) == 2 else 1
    if sum(len(_numbers(tags, tag, ())) for tag, _ in SEGMENTS) < across * down * planes:
        raise BadImage("the file is cut off or damaged: pixels are missing")
    stored = sum(sum(_numbers(tags, tag, ())) for _, tag in SEGMENTS)
    bits = width * height * sum(_numbers(tags, BITS_PER_SAMPLE, (1,)))
    if tags.get(COMPRESSION, 1) == 1 and stored < bits // 8:
        raise BadImage("the file is cut off or damaged: pixels are missing")


def _numbers(tags, tag: int, default: tuple) -> tuple[int, ...]:
    value = tags.get(tag, default)
    return tuple(map(int, value)) if isinstance(value, tuple) else (int(value),)


def _size(image: TiffImageFile) -> tuple[int, int]:
    """Height and width as stored, even if Pillow rotates the image."""
    return image.tag_v2[HEIGHT], image.tag_v2[WIDTH]
