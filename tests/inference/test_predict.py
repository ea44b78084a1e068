# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""From photos on disk to filled photos on disk, through the command line."""

import os
import time
from pathlib import Path

import numpy as np
import paddle
import pytest
from PIL import Image

from ppdeepfill.cli import main
from ppdeepfill.errors import OutputError
from ppdeepfill.inference import predict as module
from ppdeepfill.inference.inpainter import Inpainter
from ppdeepfill.inference.predict import predict
from ppdeepfill.networks import build_network
from ppdeepfill.photos import read_photo
from ppdeepfill.training.state import layer_arrays
from ppdeepfill.weights.checkpoint import save_best
from ppdeepfill.weights.generator_file import Generator


def save_model(run: Path, **more) -> Path:
    options = {"base_channels": 2} | more
    weights = layer_arrays(build_network("deepfill_v1", **options))
    save_best(run, Generator("deepfill_v1", options, 1, weights))
    return run


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    paddle.seed(0)
    return save_model(tmp_path_factory.mktemp("run"))


@pytest.fixture
def place(tmp_path, monkeypatch, rng) -> Path:
    """The current folder, with photos of several kinds and sizes and a mask."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, size in {
        "a.png": (40, 48),
        "größe 日本.png": (33, 57),
        "C:\\d.bmp": (24, 24),
    }.items():
        pixels = rng.integers(0, 255, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
    mask = np.zeros((40, 48), np.uint8)
    mask[10:26, 12:32] = 255
    Image.fromarray(mask).save("mask.png")
    return tmp_path


@pytest.fixture
def command(model, place):
    """The command line on the CPU with a tiny network; later arguments win."""

    def command(*arguments: str, image_path="photos/a.png", mask_path="mask.png") -> int:
        given = ["--image_path", image_path, *(["--mask_path", mask_path] if mask_path else [])]
        return main(
            ["predict", *given, "--model_path", str(model), "--device", "cpu", *map(str, arguments)]
        )

    return command


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("strategy", ["auto", "whole", "crop", "resize"])
@pytest.mark.parametrize("edge", [["--feather", "3"], ["--blend", "poisson"]])
def test_a_photo_and_a_mask(command, strategy, edge):
    assert command("--strategy", strategy, "--limit", "64", "--margin", "4", *edge) == 0
    hole = np.asarray(Image.open("mask.png")) > 0
    before, after = (read_photo(Path(p)).pixels for p in ("photos/a.png", "output/result/a.png"))
    np.testing.assert_array_equal(after[~hole], before[~hole])
    assert (after[hole] != before[hole]).mean() > 0.9


def test_a_folder_with_one_mask_keeps_names_and_counts(command, capsys):
    Path("photos/text.png").write_text("no image")
    assert command("--save_dir=out", image_path="photos") == 0
    assert sorted(files(Path("out"))) == ["C:\\d.bmp", "a.png", "größe 日本.png"]
    said = capsys.readouterr().out
    assert "skipped: cannot read the image photos/text.png" in said
    assert "3 photos filled, 1 skipped" in said


def test_a_folder_with_masks_of_the_same_names(command, capsys):
    Path("masks").mkdir()
    Image.open("mask.png").convert("RGB").save("masks/a.jpg", quality=95)
    assert command("--save_dir=out", image_path="photos", mask_path="masks") == 0
    assert list(files(Path("out"))) == ["a.png"]
    said = capsys.readouterr().out
    assert "skipped: no mask for photos/C:\\d.bmp" in said
    assert "1 photos filled, 2 skipped" in said


def test_a_colour_in_the_photo_is_the_hole(command):
    pixels = np.asarray(Image.open("photos/a.png")).copy()
    pixels[10:26, 12:32] = 255
    Image.fromarray(pixels).save("painted.png")
    given = {"image_path": "painted.png", "mask_path": None}
    assert command("--hole_color=white", **given) == 0
    painted = read_photo(Path("output/result/painted.png")).pixels
    assert command() == 0
    np.testing.assert_array_equal(painted, read_photo(Path("output/result/a.png")).pixels)


def test_a_transparent_hole_becomes_opaque(command):
    pixels = np.dstack([np.asarray(Image.open("photos/a.png")), np.full((40, 48), 255, np.uint8)])
    pixels[10:26, 12:32, 3] = 0
    Image.fromarray(pixels).save("layer.png")
    assert command("--hole_color=transparent", image_path="layer.png", mask_path=None) == 0
    assert (read_photo(Path("output/result/layer.png")).alpha == 255).all()


def test_jpeg_stays_jpeg_unless_png_is_asked_for(command, capsys):
    Image.open("photos/a.png").save("a.JPEG")
    assert command("--save_dir=same", image_path="a.JPEG") == 0
    assert "compressed again" in capsys.readouterr().out
    assert command("--save_dir=png", "--format=png", image_path="a.JPEG") == 0
    assert "compressed again" not in capsys.readouterr().out
    assert Image.open("same/a.JPEG").format == "JPEG"
    hole = np.asarray(Image.open("mask.png")) > 0
    before, after = (read_photo(Path(p)).pixels for p in ("a.JPEG", "png/a.png"))
    np.testing.assert_array_equal(after[~hole], before[~hole])


def test_every_file_that_is_written_is_named(command, capsys):
    assert command("--save_mask", "--save_attention", "--save_dir=out") == 0
    said = capsys.readouterr().out
    assert len(files(Path("out"))) == 4
    assert all(f"wrote out/{name}\n" in said for name in files(Path("out")))


def test_the_attention_is_drawn_when_asked_for(command):
    assert command("--save_attention", "--save_dir=drawn") == 0
    assert sorted(files(Path("drawn"))) == ["a.png", "a_borrowed.png", "a_offsets.png"]
    assert Image.open("drawn/a_borrowed.png").size == Image.open("drawn/a_offsets.png").size
    assert command("--save_attention=False", "--save_dir=plain") == 0
    assert sorted(files(Path("plain"))) == ["a.png"]


DRAWN = {
    "shift": True,
    "appearance_flow": True,
    "spatial_transformer": True,
    "external_spatial": False,
    "none": False,
}


@pytest.mark.parametrize(("attention", "drawn"), DRAWN.items())
def test_an_attention_that_looks_nowhere_is_not_drawn(command, capsys, attention, drawn):
    save_model(Path("run"), attention=attention)
    assert command("--save_attention", "--save_dir=out", "--model_path=run") == 0
    pictures = ["a_borrowed.png", "a_offsets.png"] if drawn else []
    assert sorted(files(Path("out"))) == ["a.png", *pictures]
    assert ("no attention to show" in capsys.readouterr().out) != drawn


def test_a_single_photo_without_a_hole_ends_with_status_2(command, capsys):
    Image.new("L", (48, 40)).save("none.png")
    assert command("--save_attention", mask_path="none.png") == 2
    assert "no hole: the mask is 0 everywhere" in capsys.readouterr().err
    assert not Path("output").exists()


def test_photos_of_a_folder_without_a_hole_are_left_out_and_counted_apart(command, capsys):
    Path("masks").mkdir()
    Image.open("mask.png").save("masks/a.png")
    Image.new("L", (57, 33)).save("masks/größe 日本.png")
    assert command("--save_dir=out", image_path="photos", mask_path="masks") == 0
    assert list(files(Path("out"))) == ["a.png"]
    said = capsys.readouterr().out
    assert "left out: masks/größe 日本.png: no hole" in said
    assert "1 photos filled, 1 skipped, 1 without a hole left out" in said


def test_the_newest_model_below_output_is_the_default(command, place, messages):
    for name, age in (("new", 0), ("old", 100)):
        path = save_model(place / "output" / name) / "best_model" / "generator.safetensors"
        os.utime(path, (time.time() - age,) * 2)
    predict(Path("photos/a.png"), Path("mask.png"))
    assert "model: output/new/best_model/generator.safetensors" in messages.text


def test_without_any_model_the_shipped_one_is_the_default(place, messages):
    predict(Path("photos/a.png"), Path("mask.png"))
    assert "no trained network below output: using demo" in messages.text
    hole = np.asarray(Image.open("mask.png")) > 0
    before = read_photo(Path("photos/a.png")).pixels
    completed = read_photo(Path("output/result/a.png")).pixels
    np.testing.assert_array_equal(completed, Inpainter.demo()(before, hole * np.uint8(255)))


def test_a_full_disk_ends_the_run_instead_of_skipping(command, monkeypatch, capsys):
    def full(path, photo):
        raise OutputError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr(module, "write_photo", full)
    assert command(image_path="photos") == 2
    said = capsys.readouterr()
    assert "skipped" not in said.out
    assert "No space left" in said.err


BAD = {
    "missing photo": ({"image_path": "nowhere.png"}, [], "no such file"),
    "missing mask": ({"mask_path": "nowhere.png"}, [], "no such file"),
    "no hole given": ({"mask_path": None}, [], "where is the hole"),
    "text as photo": ({"image_path": "text.png"}, [], "not an image"),
    "text as mask": ({"mask_path": "text.png"}, [], "not an image"),
    "cut photo": ({"image_path": "cut.png"}, [], "cut off"),
    "empty file": ({"image_path": "empty.png"}, [], "0 bytes"),
    "cmyk": ({"image_path": "cmyk.jpg"}, [], "CMYK"),
    "full mask": ({"mask_path": "full.png"}, [], "covers the whole photo"),
    "folder of nothing": ({"image_path": "empty"}, [], "no image in folder"),
    "folder of bad ones": ({"image_path": "bad"}, [], "none of the 1 photos"),
    "mask not in folder": ({"mask_path": "empty"}, [], "no mask for"),
    "size mismatch": ({"mask_path": "small.png"}, ["--strict"], "24 x 20 pixels"),
    "colour": ({"mask_path": None}, ["--hole_color=blurple"], "blurple"),
    "no alpha": ({"mask_path": None}, ["--hole_color=transparent"], "no transparency"),
    "both rules": ({}, ["--hole_color=white", "--mask_polarity=white"], "not both"),
    "over the input": ({}, ["--save_dir=photos"], "is an input"),
    "file as folder": ({}, ["--save_dir=text.png"], "is not a folder"),
    "below a file": ({}, ["--save_dir=text.png/out"], "is not a folder"),
    "long name": ({}, [f"--save_dir={'x' * 300}"], "shorter name"),
    "no model": ({}, ["--model_path=empty"], "no generator.safetensors"),
    "bad model": ({}, ["--model_path=text.png"], "not a weight file"),
    "device": ({}, ["--device=tpu"], "device 'tpu' cannot be used"),
    "limit": ({}, ["--limit=1"], "--limit"),
    "huge margin": ({}, ["--margin=99999999999"], "--margin"),
    "huge feather": ({}, ["--feather=99999"], "--feather must be 0 to 1024 pixels"),
    "endless memory": ({}, ["--attention_memory=inf"], "GiB above 0; got inf"),
    "dilate": ({}, ["--dilate=-1"], "--dilate"),
    "attention memory": ({}, ["--attention_memory=0"], "GiB above 0; got 0"),
    "little attention memory": ({}, ["--attention_memory=1e-6"], "attention_memory"),
    "strategy": ({}, ["--strategy=best"], "invalid choice: 'best'"),
    "flag": ({}, ["--strit"], "did you mean --strict"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gives_a_message_status_2_and_no_file(command, place, capsys, case):
    Path("text.png").write_text("no image")
    content = Path("photos/a.png").read_bytes()
    Path("cut.png").write_bytes(content[: len(content) // 2])
    Path("empty.png").touch()
    Image.open("photos/a.png").convert("CMYK").save("cmyk.jpg")
    Image.new("L", (48, 40), 255).save("full.png")
    Image.open("mask.png").resize((24, 20)).save("small.png")
    Path("empty").mkdir()
    Path("bad").mkdir()
    Path("bad/a.png").write_text("no image")
    before = files(place)
    paths, flags, words = BAD[case]
    try:
        status = command(*flags, **paths)
    except SystemExit as stop:  # by argparse
        status = stop.code
    assert status == 2
    assert words in capsys.readouterr().err
    assert files(place) == before
