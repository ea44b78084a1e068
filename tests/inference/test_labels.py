# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Label maps that guide a network, from files to filled photos."""

from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest
from PIL import Image

from ppdeepfill.cli import main
from ppdeepfill.inference.inpainter import Inpainter
from ppdeepfill.inference.strategies import Strategy, fill
from ppdeepfill.networks import build_network
from ppdeepfill.training.state import layer_arrays
from ppdeepfill.weights.checkpoint import save_best
from ppdeepfill.weights.generator_file import Generator

OPTIONS = {"base_channels": 2, "classes": 5, "attention_grid": 8}
SIZE = 40, 48


@pytest.fixture(scope="module")
def inpainter() -> Inpainter:
    paddle.seed(3)
    return Inpainter(build_network("semantic_guidance", **OPTIONS))


@pytest.fixture
def scene(rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An image, its mask and its labels."""
    mask = np.zeros(SIZE, np.uint8)
    mask[10:26, 12:32] = 255
    image = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    return image, mask, rng.integers(0, 5, SIZE, dtype=np.uint8)


def test_labels_change_what_is_filled_and_unknown_ones_do_not(inpainter, scene):
    image, mask, labels = scene
    plain, guided = inpainter(image, mask), inpainter(image, mask, labels)
    assert (plain[mask > 0] != guided[mask > 0]).any()
    np.testing.assert_array_equal(guided[mask == 0], image[mask == 0])
    unknown = inpainter(image, mask, np.full_like(labels, 255)).astype(int)
    assert np.abs(unknown - plain).max() <= 1  # of 255, by rounding


def test_the_network_sees_the_labels_of_its_pixels(inpainter, scene):
    """Of the whole photo, of a crop around the hole, and of a shrunk photo."""
    image, mask, labels = (x.repeat(2, axis=0).repeat(2, axis=1) for x in scene)
    cases = {
        Strategy("whole"): labels,
        Strategy("crop", margin=4): labels[16:56, 20:68],
        Strategy("resize", limit=64): cv2.resize(
            labels, (64, 53), interpolation=cv2.INTER_NEAREST_EXACT
        ),
    }
    seen = []
    hook = inpainter.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    for strategy, expected in cases.items():
        fill(inpainter, image, mask > 0, strategy, labels=labels)
        _, holes, given = (x.numpy() for x in seen.pop())
        height, width = expected.shape
        assert given.dtype == np.int64 and given.shape == holes[:, 0].shape
        np.testing.assert_array_equal(given[0, :height, :width], expected)
    hook.remove()


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.zeros((4, 4), np.uint8), r"whole numbers \[40, 48\], one for each pixel; got uint8"),
        (np.zeros(SIZE, np.float32), "got float32"),
        (np.full(SIZE, 7, np.uint8), "a label is 7, but the network has 5 classes"),
        (Image.new("P", SIZE[::-1]), r"for a PIL image, pass numpy.asarray\(x\)$"),
    ],
)
def test_unusable_labels_are_explained(inpainter, scene, labels, words):
    with pytest.raises(ValueError, match=words):
        inpainter(*scene[:2], labels)


def test_a_network_without_classes_takes_no_labels(scene):
    with pytest.raises(ValueError, match="this network takes no label map"):
        Inpainter(build_network("deepfill_v1", base_channels=2))(*scene)


@pytest.fixture
def place(tmp_path, monkeypatch, inpainter, scene) -> Path:
    """The current folder, with a guided network, photos, a mask and label maps."""
    monkeypatch.chdir(tmp_path)
    weights = layer_arrays(inpainter.network)
    save_best(Path("guided"), Generator("semantic_guidance", OPTIONS, 1, weights))
    image, mask, labels = scene
    for folder in ("photos/deep", "labels/deep"):
        Path(folder).mkdir(parents=True)
    Image.fromarray(mask).save("mask.png")
    for name in ("a", "deep/b"):
        Image.fromarray(image).save(f"photos/{name}.png")
    Image.fromarray(labels).save("labels/a.png")
    Image.fromarray(labels[:, ::-1]).save("labels/deep/b.png")
    return tmp_path


def predict(*arguments: str) -> int:
    given = ["--model_path", "guided", "--mask_path", "mask.png", "--device", "cpu"]
    return main(["predict", *given, *arguments])


def filled(name: str) -> np.ndarray:
    return np.asarray(Image.open(Path("output/result") / name))


def test_each_photo_of_a_folder_has_its_label_map(place, inpainter, scene):
    image, mask, labels = scene
    assert predict("--image_path", "photos", "--labels", "labels") == 0
    np.testing.assert_array_equal(filled("a.png"), inpainter(image, mask, labels))
    np.testing.assert_array_equal(filled("deep/b.png"), inpainter(image, mask, labels[:, ::-1]))


def test_one_label_map_for_a_photo(place, inpainter, scene):
    assert predict("--image_path", "photos/a.png", "--labels", "labels/a.png") == 0
    np.testing.assert_array_equal(filled("a.png"), inpainter(*scene))


def test_label_maps_among_the_photos_are_no_photos(place):
    Path("labels").rename("photos/labels")
    assert predict("--image_path", "photos", "--labels", "photos/labels") == 0
    assert {p.name for p in Path("output/result").rglob("*.png")} == {"a.png", "b.png"}


def test_a_photo_without_a_label_map_is_skipped(place, capsys):
    Path("labels/deep/b.png").unlink()
    assert predict("--image_path", "photos", "--labels", "labels") == 0
    assert "'deep/b.png' has no label map" in capsys.readouterr().out
    assert not Path("output/result/deep").exists()


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ("nowhere", "--labels: no such folder"),
        ("many.png", "class 254, but the network has 5 classes"),
        ("wide.png", "must have the same aspect ratio"),
    ],
)
def test_unusable_label_files_are_explained(place, capsys, labels, words):
    Image.new("L", (48, 20)).save("wide.png")
    Image.fromarray(np.full(SIZE, 254, np.uint8)).save("many.png")
    assert predict("--image_path", "photos/a.png", "--labels", labels) == 2
    assert words in capsys.readouterr().err
    assert not Path("output").exists()


def test_labels_for_a_network_without_classes_are_refused_before_anything_is_filled(place, capsys):
    network = build_network("deepfill_v1", base_channels=2)
    save_best(
        Path("plain"), Generator("deepfill_v1", {"base_channels": 2}, 1, layer_arrays(network))
    )
    arguments = ["--image_path", "photos", "--labels", "labels", "--model_path", "plain"]
    assert predict(*arguments) == 2
    assert "--labels: this network takes no label map" in capsys.readouterr().err
    assert not Path("output").exists()
