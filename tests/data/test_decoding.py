# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
import zlib

import cv2
import numpy as np
import pytest

from ppdeepfill.data.decoding import decode_image

ENDINGS = [".jpg", ".png", ".bmp", ".webp", ".tif"]
EXIF_THUMBNAIL = b"\xff\xe1\x00\x10Exif\x00\x00\xff\xd8\xff\xda\xff\xd9"  # has an own end mark


ORIENTATION_6 = bytes.fromhex(  # APP1: big-endian TIFF with one entry, turn by a quarter
    "ffe100224578696600004d4d002a00000008000101120003000000010006000000000000"
)


def with_header(jpeg: bytes, segment: bytes) -> bytes:
    return jpeg[:2] + segment + b"\x00" * (2 + segment[3] - len(segment)) + jpeg[2:]


def with_chunk(png: bytes, name: bytes, content: bytes) -> bytes:
    """The PNG with one more chunk before its pixels."""
    named = name + content
    chunk = len(content).to_bytes(4, "big") + named + zlib.crc32(named).to_bytes(4, "big")
    return png[:33] + chunk + png[33:]


@pytest.mark.parametrize("ending", [".png", ".bmp", ".tif"])
def test_lossless_files_give_back_their_rgb_pixels(make, ending):
    image = make.picture(12, 17)
    np.testing.assert_array_equal(decode_image(make.encoded(image, ending)), image)


@pytest.mark.parametrize(
    "stored",
    [
        np.full((6, 7), 90, np.uint8),
        np.full((6, 7), 90 * 257, np.uint16),
        np.full((6, 7, 3), 90 * 257, np.uint16),
        np.full((6, 7, 4), 90, np.uint8),
    ],
    ids=["grey", "grey16", "colour16", "alpha"],
)
def test_every_kind_of_png_becomes_8_bit_rgb(stored):
    image = decode_image(cv2.imencode(".png", stored)[1].tobytes())
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, np.full((6, 7, 3), 90))


def test_exif_orientation_is_applied(make):
    jpeg = make.encoded(make.picture(16, 24), ".jpg")
    assert decode_image(jpeg).shape == (16, 24, 3)
    assert decode_image(jpeg[:2] + ORIENTATION_6 + jpeg[2:]).shape == (24, 16, 3)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kept", [0.1, 0.6, 0.97])
def test_a_cut_off_file_is_refused(make, ending, kept):
    content = make.encoded(make.picture(64, 80), ending)
    with pytest.raises(ValueError, match="cut off|damaged|decode"):
        decode_image(content[: int(len(content) * kept)])


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"<html>404</html>", b"\x00" * 500])
def test_what_is_no_image_is_refused_with_a_reason(content):
    with pytest.raises(ValueError, match="empty" if not content else "not an image"):
        decode_image(content)


def test_the_end_mark_of_a_thumbnail_does_not_count(make):
    content = with_header(make.encoded(make.picture(64, 80), ".jpg"), EXIF_THUMBNAIL)
    assert decode_image(content).shape == (64, 80, 3)
    with pytest.raises(ValueError, match="cut off"):
        decode_image(content[:-40])


def test_bytes_behind_the_end_of_a_jpeg_are_harmless(make):
    content = make.encoded(make.picture(16, 16), ".jpg") + b"\x00\xff\xda trailer"
    assert decode_image(content).shape == (16, 16, 3)


def test_colour_profiles_of_a_png_leave_no_trace(make, capfd):
    image = make.picture(12, 17)
    content = with_chunk(make.encoded(image, ".png"), b"iCCP", b"profile\x00\x00broken")
    np.testing.assert_array_equal(decode_image(content), image)
    assert capfd.readouterr().err == ""


def test_exif_orientation_of_a_png_is_applied_as_opencv_does(make):
    tiff = bytes.fromhex("4d4d002a00000008000101120003000000010006000000000000")
    content = with_chunk(make.encoded(make.picture(16, 24), ".png"), b"eXIf", tiff)
    read = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decode_image(content), read[..., ::-1])


@pytest.mark.parametrize("place", [20, 60, -30, -20])
def test_a_damaged_png_is_refused_without_a_word_of_libpng(make, capfd, place):
    content = bytearray(make.encoded(make.picture(64, 80), ".png"))
    content[place] ^= 0xFF
    with pytest.raises(ValueError, match="wrong checksum|cut off"):
        decode_image(bytes(content))
    assert capfd.readouterr().err == ""


def detailed_picture(height, width):
    """uint8 [H,W,3]: waves of all lengths, down to two pixels."""
    rng = np.random.default_rng(0)
    picture = np.full((height, width, 3), 128, np.float32)
    for level in range(8):
        noise = rng.standard_normal((2**level + 1, 2**level + 1, 3)).astype(np.float32)
        picture += 40 / 1.5**level * cv2.resize(noise, (width, height))
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("header", [b"", EXIF_THUMBNAIL, ORIENTATION_6, b"\xff"])
@pytest.mark.parametrize(("at_least", "divisor"), [(32, 8), (33, 4), (65, 2), (130, 1), (900, 1)])
def test_a_jpeg_is_decoded_as_small_as_is_large_enough(make, header, at_least, divisor):
    jpeg = make.encoded(make.picture(259, 300), ".jpg")
    jpeg = with_header(jpeg, header) if header == EXIF_THUMBNAIL else jpeg[:2] + header + jpeg[2:]
    shape = decode_image(jpeg, at_least=(at_least, at_least // 2)).shape
    expected = [-(-259 // divisor), -(-300 // divisor)]
    assert list(shape) == [*(expected[::-1] if header == ORIENTATION_6 else expected), 3]
    assert min(shape[:2]) >= min(at_least, 259)


@pytest.mark.parametrize("size", [(32, 32), (48, 32), (80, 120)])
def test_a_reduced_jpeg_resizes_to_a_picture_closer_to_the_mean_of_each_area(make, size):
    jpeg = make.encoded(detailed_picture(512, 640), ".jpg")
    full, reduced = decode_image(jpeg), decode_image(jpeg, at_least=size)
    assert reduced.size < full.size
    areas = cv2.resize(full, size[::-1], interpolation=cv2.INTER_AREA).astype(int)
    of_full, of_reduced = (
        np.abs(cv2.resize(image, size[::-1]) - areas).mean() for image in (full, reduced)
    )
    assert of_reduced < of_full
    assert of_reduced < 4  # of 255


@pytest.mark.parametrize("ending", [".png", ".bmp", ".webp", ".tif"])
def test_other_formats_are_decoded_in_full(make, ending):
    content = make.encoded(make.picture(64, 80), ending)
    np.testing.assert_array_equal(decode_image(content, at_least=(8, 8)), decode_image(content))
