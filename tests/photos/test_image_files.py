# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Every kind of image file: read with the right values, and written so that they stay."""

from io import BytesIO

import cv2
import numpy as np
import pytest
from image_files import FILES, HOLE
from numpy import ndarray
from PIL import Image

from ppdeepfill.data.decoding import decode_image, decode_mask
from ppdeepfill.errors import DataError
from ppdeepfill.photos import photo_from, read_photo, suffix_of, write_photo

READ = [name for name, (_, right) in FILES.items() if isinstance(right, ndarray)]
REFUSED = [name for name in FILES if name not in READ]
# Training has no use for metadata, and converts what photographs may not lose.
ONLY_TRAINED_ON = ("cmyk.jpg", "cmyk.tif")


@pytest.mark.parametrize("name", READ)
def test_the_values_are_right(tmp_path, name):
    content, right = FILES[name]
    (tmp_path / name).write_bytes(content)
    pixels = read_photo(tmp_path / name).pixels
    assert pixels.dtype == right.dtype
    np.testing.assert_array_equal(pixels, right)


@pytest.mark.parametrize("name", READ)
def test_training_sees_the_same_in_8_bits_of_rgb(name):
    content, right = FILES[name]
    colors = right[..., : 1 if right.shape[2] < 3 else 3]
    expected = colors if right.dtype == np.uint8 else np.rint(colors / 257)
    np.testing.assert_array_equal(
        decode_image(content), np.broadcast_to(expected, [*right.shape[:2], 3])
    )


@pytest.mark.parametrize("name", REFUSED)
def test_the_rest_is_refused_in_our_words(tmp_path, name):
    content, words = FILES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        read_photo(tmp_path / name)
    message = str(caught.value)
    assert not any(word in message for word in ("buffer", "BytesIO", "unpack", "cv2", "header ("))
    if name not in ONLY_TRAINED_ON:
        with pytest.raises(ValueError, match=words):
            decode_image(content)


@pytest.mark.parametrize("name", READ)
def test_known_values_stay_in_what_is_written(tmp_path, name):
    content, right = FILES[name]
    (tmp_path / name).write_bytes(content)
    photo = read_photo(tmp_path / name)
    target = tmp_path / f"out{suffix_of(photo, (tmp_path / name).suffix)}"
    written = write_photo(target, photo.completed(255 - photo.rgb(), HOLE))
    back = read_photo(target)
    assert back.pixels.shape == right.shape and back.pixels.dtype == right.dtype
    if written.lossy:
        assert np.abs(back.pixels[~HOLE].astype(int) - right[~HOLE]).mean() < 12
        return
    np.testing.assert_array_equal(back.pixels[~HOLE], right[~HOLE])
    assert (back.pixels[HOLE] != right[HOLE]).any()
    if not name.startswith("xmp_turned"):  # which Pillow turns
        assert_others_agree(target, back.pixels)


def assert_others_agree(path, pixels: ndarray) -> None:
    """Pillow, as another program, sees the same: all of it in 8 bits, the upper halves of 16."""
    image = Image.open(path)
    if pixels.dtype == np.uint16 and image.mode in ("RGB", "RGBA"):
        theirs = np.asarray(image)
        ours = pixels[..., [0, 0, 0, 1]] if pixels.shape[2] == 2 else pixels
        np.testing.assert_array_equal(theirs, ours >> 8)
    elif pixels.dtype == np.uint8:
        stored = np.asarray(image).reshape([*image.size[::-1], -1])
        turned = image.getexif().get(274, 1) == 3 and path.suffix != ".tif"
        if stored.shape == pixels.shape:
            np.testing.assert_array_equal(stored[::-1, ::-1] if turned else stored, pixels)


def test_a_mask_means_the_same_in_every_file(tmp_path):
    """White strokes, on black or on nothing."""
    white = HOLE[..., None] * np.full(3, 255, np.uint8)
    layer = np.dstack([np.full_like(white, 255), HOLE * np.uint8(255)])
    for pixels in (white, layer):
        for suffix in (".png", ".tif", ".webp"):
            content = BytesIO()
            kind = {".png": "PNG", ".tif": "TIFF", ".webp": "WEBP"}[suffix]
            Image.fromarray(pixels).save(content, kind, lossless=True)
            np.testing.assert_array_equal(decode_mask(content.getvalue()) > 127, HOLE)


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_damage_inside_is_refused_where_the_decoder_knows(form, rng):
    """200 random bytes in the middle. WebP's coding has no wrong values: most of it is read."""
    picture = cv2.resize(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8), (320, 240))
    noisy = np.clip(picture + rng.normal(0, 8, picture.shape), 0, 255).astype(np.uint8)
    content = BytesIO()
    Image.fromarray(noisy).save(content, form, quality=90)
    refused = 0
    for _ in range(40):
        damaged = bytearray(content.getvalue())
        start = int(rng.integers(1000, len(damaged) - 300))
        damaged[start : start + 200] = rng.bytes(200)
        try:
            decode_image(bytes(damaged))
        except ValueError as error:
            refused += 1
            assert "damaged" in str(error) or "cut off" in str(error)
    assert form == "WEBP" or refused >= 30


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp", ".gif"])
def test_a_photo_above_a_limit_is_refused_before_it_is_decoded(suffix, tmp_path):
    path = tmp_path / f"photo{suffix}"
    Image.new("RGB", (1001, 1000)).save(path)
    content = path.read_bytes()
    assert photo_from(content, path, most_pixels=1_001_000).pixels.shape[:2] == (1000, 1001)
    with pytest.raises(DataError, match="more than 1 million pixels"):
        photo_from(content, path, most_pixels=1_000_999)
