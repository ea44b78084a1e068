# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""From file to file: what is kept, what is refused."""

from io import BytesIO

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, JpegImagePlugin

from ppdeepfill.data.pictures import FLIPS, as_displayed, as_stored
from ppdeepfill.errors import DataError, OutputError
from ppdeepfill.photos import Photo, read_photo, suffix_of, write_photo

MAKER, ORIENTATION, EXIF, DATE = 271, 274, 0x8769, 36867
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# Which of the four channels, as Pillow's mode or number of 16-bit channels, and how it is saved.
KINDS = {
    "rgb.png": ("RGB", {}),
    "grey.png": ("L", {}),
    "grey_alpha.png": ("LA", {}),
    "rgba.png": ("RGBA", {}),
    "one_bit.png": ("1", {}),
    "palette.png": ("P", {}),
    "transparent_palette.png": ("P", {"transparency": 3}),
    "rgb.bmp": ("RGB", {}),
    "rgb.tif": ("RGB", {"compression": "tiff_lzw"}),
    "rgba.TIFF": ("RGBA", {}),
    "one_bit.tif": ("1", {"compression": "tiff_lzw"}),
    "rgba.webp": ("RGBA", {"lossless": True, "exact": True}),
    "still.gif": ("P", {}),
    "grey16.png": (1, {}),
    "rgb16.png": (3, {}),
    "rgba16.png": (4, {}),
    "grey16.tif": (1, {}),
    "rgb16.tif": (3, {}),
    "rgba16.tif": (4, {}),
}


def exif(orientation: int = 1) -> Image.Exif:
    record = Image.Exif()
    record[MAKER], record[ORIENTATION] = "Maker", orientation
    record[EXIF] = {DATE: "2020:01:01 00:00:00"}
    return record


def save(path, colors, mode, options):
    if mode in (1, 3, 4):
        save_16_bit(path, colors.astype(np.uint16) * 257 + 99, mode)
    elif mode == "P":
        Image.fromarray(colors[..., :3]).quantize(20).save(path, **options)
    else:
        Image.fromarray(colors).convert(mode).save(path, **options)


def save_16_bit(path, colors, channels):
    colors = colors[..., 0] if channels == 1 else colors[..., :channels]
    if path.suffix == ".png":
        order = [2, 1, 0, 3][:channels]
        cv2.imwrite(str(path), colors if channels == 1 else colors[..., order])
    else:
        alpha = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
        kind = "minisblack" if channels == 1 else "rgb"
        tifffile.imwrite(path, colors, photometric=kind, iccprofile=PROFILE, metadata=None, **alpha)


@pytest.mark.parametrize("name", KINDS)
def test_known_values_stay_and_the_hole_is_filled(tmp_path, colors, hole, name):
    source = tmp_path / name
    save(source, colors, *KINDS[name])
    photo = read_photo(source)
    filled = 255 - photo.rgb()
    target = tmp_path / f"out{suffix_of(photo, source.suffix)}"
    write_photo(target, photo.completed(filled, hole))
    back = read_photo(target)
    assert back.pixels.dtype == photo.pixels.dtype
    np.testing.assert_array_equal(back.pixels[~hole], photo.pixels[~hole])
    np.testing.assert_allclose(back.rgb()[hole], filled[hole], atol=1)  # grey is rounded
    if photo.alpha is not None:
        np.testing.assert_array_equal(back.alpha, photo.alpha)


def test_16_bits_are_read_whole(tmp_path, colors):
    expected = colors[..., :3].astype(np.uint16) * 200 + 7
    for name in ("a.png", "a.tif"):
        save_16_bit(tmp_path / name, expected, 3)
        np.testing.assert_array_equal(read_photo(tmp_path / name).pixels, expected)
    assert Photo(np.array([[[0], [128], [129], [65535]]], np.uint16), "PNG").rgb()[
        0, :, 0
    ].tolist() == [0, 0, 1, 255]


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
def test_profile_and_exif_stay(tmp_path, colors, name):
    source, target = tmp_path / name, tmp_path / f"out_{name}"
    options = {} if name == "a.tif" else {"exif": exif(6)}
    tags = {"tiffinfo": dict(exif())} if name == "a.tif" else {}
    Image.fromarray(colors[..., :3]).save(source, icc_profile=PROFILE, **options, **tags)
    write_photo(target, read_photo(source))
    with Image.open(source) as before, Image.open(target) as after:
        assert after.info["icc_profile"] == PROFILE
        assert after.getexif()[MAKER] == "Maker"
        assert after.getexif().get_ifd(EXIF) == before.getexif().get_ifd(EXIF) != {}
        assert after.size == before.size


def test_profile_and_texts_of_16_bit_files_stay(tmp_path, colors):
    text = [(MAKER, 2, 0, "Größe".encode(), True)]
    pixels = colors[..., :3].astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, iccprofile=PROFILE, metadata=None, extratags=text)
    photo = read_photo(tmp_path / "a.tif")
    for result in (photo, photo.as_png()):
        path = tmp_path / f"out{suffix_of(result, '.tif')}"
        write_photo(path, result)
        with Image.open(path) as image:
            assert image.info["icc_profile"] == PROFILE
            if result.format == "TIFF":
                assert image.tag_v2[MAKER].encode("latin-1") == "Größe".encode()


@pytest.mark.parametrize("orientation", FLIPS)
@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_a_turned_photo_is_seen_as_displayed_and_stays_turned(
    tmp_path, colors, orientation, suffix
):
    shown = colors[..., :3]
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    stored = Image.fromarray(as_stored(shown, orientation))
    lossless = {"lossless": True} if suffix == ".webp" else {}
    stored.save(source, exif=exif(orientation).tobytes(), **lossless)
    photo = read_photo(source)
    np.testing.assert_array_equal(photo.pixels, shown)
    write_photo(target, photo)
    np.testing.assert_array_equal(read_photo(target).pixels, shown)
    if suffix != ".tif":  # which becomes upright
        with Image.open(target) as image:
            assert image.getexif()[ORIENTATION] == orientation
            assert image.size == stored.size


@pytest.mark.parametrize("orientation", FLIPS)
def test_turning_agrees_with_pillow(colors, orientation):
    from PIL import ImageOps

    image = Image.fromarray(colors[..., :3])
    image.getexif()[ORIENTATION] = orientation
    turned = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(as_displayed(colors[..., :3], orientation), turned)


def test_jpeg_is_compressed_as_it_was(tmp_path, colors):
    source, target = tmp_path / "a.jpg", tmp_path / "b.jpg"
    image = Image.fromarray(colors[..., :3])
    image.save(source, quality=71, subsampling=0, progressive=True)
    photo = read_photo(source)
    assert photo.lossy
    write_photo(target, photo)
    with Image.open(source) as before, Image.open(target) as after:
        assert after.quantization == before.quantization
        assert JpegImagePlugin.get_sampling(after) == 0
        assert after.info["progressive"]
    difference = np.abs(read_photo(target).pixels.astype(int) - photo.pixels)
    assert difference.max() <= 4 and difference.mean() < 0.5


def test_jpeg_as_png_keeps_every_value_profile_and_exif(tmp_path, colors):
    source, target = tmp_path / "a.jpg", tmp_path / "a.png"
    Image.fromarray(colors[..., :3]).save(source, exif=exif(8), icc_profile=PROFILE)
    photo = read_photo(source)
    write_photo(target, photo.as_png())
    np.testing.assert_array_equal(read_photo(target).pixels, photo.pixels)
    with Image.open(target) as image:
        assert image.format == "PNG"
        assert image.getexif()[ORIENTATION] == 8
        assert image.info["icc_profile"] == PROFILE


def corrupt(content: bytes) -> bytes:
    return content[: len(content) // 2]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp"])
def test_a_cut_file_is_refused(tmp_path, colors, suffix):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(colors[..., :3]).save(path)
    path.write_bytes(corrupt(path.read_bytes()))
    with pytest.raises(DataError, match=f"a{suffix}"):
        read_photo(path)


@pytest.mark.parametrize(
    ("mode", "suffix", "words"),
    [
        ("CMYK", ".jpg", "colours are CMYK; convert"),
        ("LAB", ".tif", "colours are LAB"),
        ("F", ".tif", "float32.*8 or 16 bits"),
        ("I", ".tif", "int32.*8 or 16 bits"),
        ("RGB", ".ppm", "expected PNG, JPEG"),
    ],
)
def test_other_colours_and_formats_are_refused(tmp_path, colors, mode, suffix, words):
    path = tmp_path / f"a{suffix}"
    image = Image.fromarray(colors[..., :3])
    (image.convert("L") if mode in "IF" else image).convert(mode).save(path)
    with pytest.raises(DataError, match=words):
        read_photo(path)


@pytest.mark.parametrize("suffix", [".gif", ".tif", ".webp", ".png"])
def test_several_pictures_in_a_file_are_refused(tmp_path, colors, suffix):
    path = tmp_path / f"a{suffix}"
    frames = [Image.fromarray(c) for c in (colors[..., :3], colors[::-1, :, :3])]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match="holds 2 pictures"):
        read_photo(path)


@pytest.mark.parametrize("content", [b"", b"text", b"\xff\xd8\xff\xe0\0\0\xff\xd9", b"\x89PNG"])
def test_what_is_no_image_is_refused(tmp_path, content):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot read the image"):
        read_photo(path)


def test_a_failed_write_leaves_what_was_there(tmp_path, colors, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"before")
    photo = Photo(colors, "PNG")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ppdeepfill.photos.writing.Path.write_bytes", full)
    with pytest.raises(OutputError, match="a.png.*No space left"):
        write_photo(path, photo)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"before"]


def test_what_a_format_cannot_hold_is_refused_before_a_file_is_there(tmp_path):
    photo = Photo(np.zeros((1, 20_000, 3), np.uint8), "WEBP")  # 16383 is its largest side
    with pytest.raises(DataError, match="as WEBP.*--format png"):
        write_photo(tmp_path / "a.webp", photo)
    assert not list(tmp_path.iterdir())


def test_the_ending_follows_the_format(colors):
    jpeg = Photo(colors[..., :3], "JPEG")
    assert suffix_of(jpeg, ".JPEG") == ".JPEG"
    assert suffix_of(jpeg, ".png") == ".jpg"
    assert suffix_of(jpeg.as_png(), ".JPEG") == ".png"


def test_a_phone_photo_with_a_second_picture_counts_as_jpeg(tmp_path, colors):
    content = BytesIO()
    frames = [Image.fromarray(c) for c in (colors[..., :3], colors[::-1, :, :3])]
    frames[0].save(content, "MPO", save_all=True, append_images=frames[1:])
    (tmp_path / "a.jpg").write_bytes(content.getvalue())
    photo = read_photo(tmp_path / "a.jpg")
    assert photo.format == "JPEG" and photo.lossy
    assert np.abs(photo.pixels.astype(int) - colors[..., :3]).mean() < 8
