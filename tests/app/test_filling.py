# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The page's work without the page: what comes back is what `ppdeepfill predict` writes."""

import io
from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest
from PIL import Image

from ppdeepfill.app import filling
from ppdeepfill.app.visits import Visits
from ppdeepfill.errors import DataError
from ppdeepfill.inference.inpainter import Inpainter
from ppdeepfill.inference.predict import predict
from ppdeepfill.inference.strategies import Strategy
from ppdeepfill.networks import build_network
from ppdeepfill.photos import read_photo
from ppdeepfill.training.state import layer_arrays
from ppdeepfill.weights.checkpoint import save_best
from ppdeepfill.weights.generator_file import Generator

SIZE = (40, 56)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    paddle.seed(0)
    run, options = tmp_path_factory.mktemp("run"), {"base_channels": 2}
    weights = layer_arrays(build_network("deepfill_v1", **options))
    save_best(run, Generator("deepfill_v1", options, 1, weights))
    return run


def png_of(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def painted(size=SIZE) -> bytes:
    mask = np.zeros(size, np.uint8)
    mask[size[0] // 4 : size[0] // 2, size[1] // 4 : size[1] // 2] = 255
    return png_of(mask)


def write_kind(path: Path, rng) -> None:
    pixels = rng.integers(0, 256, (*SIZE, 3), np.uint8)
    if path.suffix == ".jpg":
        exif = Image.Exif()
        exif[0x0112], exif[0x010F] = 6, "a camera"  # turned; its maker
        Image.fromarray(pixels).save(path, exif=exif, quality=90)
    elif path.stem == "deep":
        cv2.imwrite(str(path), rng.integers(0, 1 << 16, (*SIZE, 4), np.uint16))
    else:
        Image.fromarray(pixels).save(path)


@pytest.mark.parametrize("name", ["turned.jpg", "deep.png", "plain.webp", "plain.tif", "plain.bmp"])
def test_a_download_is_the_file_that_predict_writes(name, model, tmp_path, rng):
    path = tmp_path / name
    write_kind(path, rng)
    visit, photo = filling.open_photo(path.read_bytes(), f"C:\\photos\\{name}")
    hole = filling.hole_in(painted(visit.size), visit.size, visit.size, widen=2)
    result, _ = filling.filled(
        Inpainter.from_checkpoint(model), photo, hole, Strategy(), lambda number, count: None
    )
    visits = Visits()
    visits.open("a", visit)
    visits.finish("a", visit, result)
    visit = visits.get("a")

    mask = filling.mask_file(visit)
    (tmp_path / mask.name).write_bytes(mask.content)
    options = {"model_path": model, "save_dir": tmp_path / "out"}
    for file_format in ("same", "png"):
        [written] = predict(path, tmp_path / mask.name, file_format=file_format, **options)
        file = filling.result_file(visit, as_png=file_format == "png")
        assert file.content == written.read_bytes()
        assert file.name == f"{path.stem}_filled{written.suffix}"
    known = ~hole
    back = filling.open_photo(file.content, file.name)[1]
    np.testing.assert_array_equal(back.pixels[known], read_photo(path).pixels[known])


def test_a_mask_may_be_smaller_as_the_page_shows_large_photos_smaller():
    hole = filling.hole_in(painted((10, 14)), SIZE, (10, 14), widen=0)
    expected = np.zeros(SIZE, bool)
    expected[8:20, 12:28] = True
    np.testing.assert_array_equal(hole, expected)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (b"", "nothing is painted"),
        (b"\x89PNG", "damaged"),
        (painted((12, 12)), "the mask is 12 x 12 pixels, the photo 56 x 40"),
        (png_of(np.zeros(SIZE, np.uint8)), "nothing is painted"),
        (png_of(np.full(SIZE, 255, np.uint8)), "the paint covers the whole photo"),
    ],
)
def test_a_mask_that_cannot_be_used_says_why(mask, message):
    with pytest.raises(DataError, match=message):
        filling.hole_in(mask, SIZE, SIZE, widen=0)


def bomb() -> bytes:
    """A PNG of few bytes that claims 25 million pixels."""
    content = io.BytesIO()
    Image.new("1", (5000, 5000)).save(content, "PNG")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes(filling.MEGABYTES * 2**20 + 1), "larger than 30 MB"),
        (bomb(), "more than 24 million pixels"),
        (b"%PDF-1.7 no picture", "not an image"),
        (painted()[:60], "damaged|cut off"),
        (b"", "empty"),
    ],
)
def test_a_file_that_cannot_be_opened_says_why(content, message):
    with pytest.raises(DataError, match=message):
        filling.open_photo(content, "some.png")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("/etc/passwd", "passwd"),
        ("..\\..\\a.jpg", "a.jpg"),
        ("", "photo"),
        ("a\nb\x00.png", "ab.png"),
        ("x" * 500 + ".jpeg", "x" * 80 + ".jpeg"),
        ("größe 日本.png", "größe 日本.png"),
    ],
)
def test_a_name_from_a_browser_is_no_path(given, kept):
    assert filling.open_photo(painted(), given)[0].name == kept


def test_there_is_nothing_to_download_before_the_first_filling():
    visit, _ = filling.open_photo(painted(), "a.png")
    for make in (filling.mask_file, lambda v: filling.result_file(v, as_png=False)):
        with pytest.raises(DataError, match="no result yet"):
            make(visit)
