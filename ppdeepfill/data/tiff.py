# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""TIFF files: what their layout is, and their pixels where Pillow would cut them to 8 bits.

Pillow reads 8 bits and less in every layout, tifffile 16 bits in every layout but not every
compression, and OpenCV the rest. Whatever has no defined white, or unknown channels, is refused.
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

from ppdeepfill.data.refusal import Refusal

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
BITS = (1, 2, 4, 8, 16)
UNSIGNED, SIGNED, FLOAT, UNDEFINED = 1, 2, 3, 4
TYPE_NAMES = {UNSIGNED: "uint", SIGNED: "int", FLOAT: "float", UNDEFINED: "undefined"}
WHITE_IS_ZERO = 0
GREY_OR_RGB = (0, 1, 2)
PREMULTIPLIED = 1
# Tags of the layout.
WIDTH, HEIGHT, COMPRESSION, ROWS_PER_STRIP, TILE_WIDTH, TILE_HEIGHT = 256, 257, 259, 278, 322, 323
BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLES, PLANAR = 258, 262, 277, 284
EXTRA_SAMPLES, SAMPLE_FORMAT = 338, 339
_STDERR = RLock()
SEGMENTS = ((273, 279), (324, 325))  # offsets and lengths of strips, and of tiles


def type_of(content: bytes) -> str | None:
    """The type of the samples of a file that Pillow does not know; None if no TIFF."""
    if not content.startswith(SIGNATURES):
        return None
    try:
        page = tifffile.TiffFile(BytesIO(content)).pages.first
        return str(page.dtype) if page.dtype is not None else None
    except Exception:  # of a damaged file
        return None


def check(image: TiffImageFile, content: bytes) -> tuple[str, ...]:
    """Refuse layouts that nobody can read rightly; notes on what changes.

    Raises:
        Refusal: the reason.
    """
    tags = image.tag_v2
    kinds = set(_numbers(tags, SAMPLE_FORMAT, (UNSIGNED,))) - {UNDEFINED} or {UNSIGNED}
    bits = set(_numbers(tags, BITS_PER_SAMPLE, (1,)))
    if kinds != {UNSIGNED} or len(bits) > 1 or not bits <= set(BITS):
        name = "complex" if max(kinds) > UNDEFINED else TYPE_NAMES.get(max(kinds), "unknown")
        sizes = "/".join(map(str, sorted(bits)))
        raise Refusal(
            f"its samples are {name}{sizes}, which have no agreed white; convert it to 8 or 16 "
            "bits (uint8, uint16)"
        )
    _check_segments(tags, len(content))
    if tags.get(SAMPLES, 1) == 2 and tags.get(PLANAR, 1) != 1:
        raise Refusal("its channels lie in a way that is not read; save it as PNG")
    extra = _numbers(tags, EXTRA_SAMPLES, ())
    expected = {0: 1, 1: 1, 2: 3}.get(tags.get(PHOTOMETRIC, -1))
    if expected and (len(extra) > 1 or tags.get(SAMPLES, 1) - expected != len(extra)):
        raise Refusal(
            f"it has {tags.get(SAMPLES, 1)} channels; save it as grey or RGB, with alpha at most"
        )
    if extra == (0,):
        raise Refusal(
            "it has a channel whose meaning the file does not tell; save it without, or as alpha"
        )
    if extra != (PREMULTIPLIED,):
        return ()
    if max(bits) == 16:
        raise Refusal("its alpha is premultiplied, in 16 bits; save it with straight alpha")
    return ("its alpha is premultiplied: it is written straight",)


@contextmanager
def undamaged() -> Iterator[None]:
    """libtiff tells damage on stderr, without the file's name, and may go on: `Refusal` instead.

    One thread at a time, since stderr is the process's.
    """
    with _STDERR, TemporaryFile() as told:
        stderr = os.dup(2)
        os.dup2(told.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            told.seek(0)
            damaged = b"Decode" in told.read()
    if damaged:
        raise Refusal("the file is damaged: its pixels cannot be decoded")


def bits_of(image: TiffImageFile) -> int:
    """Bits per channel."""
    return max(_numbers(image.tag_v2, BITS_PER_SAMPLE, (1,)))


def decode_16_bit(image: TiffImageFile, content: bytes) -> ndarray:
    """uint16 [H, W, C] as stored.

    Raises:
        Refusal: a layout that none of our readers knows.
    """
    tags = image.tag_v2
    if tags.get(PHOTOMETRIC) not in GREY_OR_RGB:
        raise Refusal("its colours are neither grey nor RGB; convert it to one of these")
    pixels = _by_tifffile(content)
    if pixels is None:
        pixels = _by_opencv(image, content)
    if pixels.dtype != np.uint16 or pixels.shape != (*_size(image), tags.get(SAMPLES, 1)):
        raise Refusal("the file is damaged: its pixels do not have the size in its header")
    return 65535 - pixels if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO else pixels


def _by_tifffile(content: bytes) -> ndarray | None:
    """None where the compression needs a package that is not there."""
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
    """Compared with Pillow's upper halves: OpenCV misreads some layouts without a word."""
    advice = "save it without compression, or with deflate"
    if image.tag_v2.get(PLANAR, 1) != 1 or image.tag_v2.get(274, 1) != 1:
        raise Refusal(f"its layout cannot be read with this compression; {advice}")
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise Refusal(f"its compression is not known, or the file is damaged; {advice}")
    pixels = pixels.reshape([*pixels.shape[:2], -1])
    pixels = pixels[..., [[0], [0, 1], [2, 1, 0], [2, 1, 0, 3]][pixels.shape[2] - 1]]
    halves = np.asarray(image)
    if halves.dtype == np.uint8:
        halves = halves.reshape([*halves.shape[:2], -1]).astype(np.uint16)
        if halves.shape != pixels.shape or (halves != pixels >> 8).any():
            raise Refusal(f"two readers disagree on its pixels; {advice}")
    return pixels


def _check_segments(tags, length: int) -> None:
    """Refusal where pixels are said to lie outside the file, or nowhere."""
    for offset_tag, length_tag in SEGMENTS:
        places = zip(_numbers(tags, offset_tag, ()), _numbers(tags, length_tag, ()), strict=False)
        if any(size == 0 or start + size > length for start, size in places):
            raise Refusal("the file is cut off or damaged: pixels are missing")
    width, height = tags[WIDTH], tags[HEIGHT]
    across, down = -(-width // tags.get(TILE_WIDTH, width)), tags.get(TILE_HEIGHT)
    down = -(-height // (down or min(height, tags.get(ROWS_PER_STRIP, height))))
    planes = tags.get(SAMPLES, 1) if tags.get(PLANAR, 1) == 2 else 1
    if sum(len(_numbers(tags, tag, ())) for tag, _ in SEGMENTS) < across * down * planes:
        raise Refusal("the file is cut off or damaged: pixels are missing")
    stored = sum(sum(_numbers(tags, tag, ())) for _, tag in SEGMENTS)
    bits = width * height * sum(_numbers(tags, BITS_PER_SAMPLE, (1,)))
    if tags.get(COMPRESSION, 1) == 1 and stored < bits // 8:
        raise Refusal("the file is cut off or damaged: pixels are missing")


def _numbers(tags, tag: int, default: tuple) -> tuple[int, ...]:
    value = tags.get(tag, default)
    return tuple(map(int, value)) if isinstance(value, tuple) else (int(value),)


def _size(image: TiffImageFile) -> tuple[int, int]:
    """Height and width as stored, whatever Pillow turned."""
    return image.tag_v2[HEIGHT], image.tag_v2[WIDTH]
