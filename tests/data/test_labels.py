# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Label maps, and that they show the same part of a scene as their images."""

import re
from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest
from PIL import Image
from small_run import small_config

from ppdeepfill.data import InpaintingDataset, open_source
from ppdeepfill.data.labels import UNKNOWN, LabelMaps
from ppdeepfill.data.loader import Loader
from ppdeepfill.errors import DataError
from ppdeepfill.training.images import open_dataset
from ppdeepfill.training.trainer import Trainer


def write_labelled(folder: Path, count: int = 6, size: tuple[int, int] = (40, 48)) -> Path:
    """Images whose grey level is 20 times their label, so that each shows its labels."""
    (folder / "images" / "deep").mkdir(parents=True)
    (folder / "labels" / "deep").mkdir(parents=True)
    rng = np.random.default_rng(3)
    for number in range(count):
        blocks = rng.integers(0, 10, (5, 6), dtype=np.uint8)
        labels = cv2.resize(blocks, size[::-1], interpolation=cv2.INTER_NEAREST)
        name = f"deep/{number}" if number % 2 else str(number)
        cv2.imwrite(str(folder / "images" / f"{name}.png"), 20 * labels)
        write_palette(folder / "labels" / f"{name}.png", labels)
    return folder


def write_palette(path: Path, labels: np.ndarray) -> None:
    """As PaddleSeg writes what it predicts: numbers of colours."""
    image = Image.fromarray(labels, mode="P")
    image.putpalette(np.random.default_rng(0).integers(0, 256, 768).astype(np.uint8).tobytes())
    image.save(path)


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_labelled(tmp_path / "data")


@pytest.mark.parametrize(
    "options",
    [
        {"random_crop": True},
        {"random_crop": True, "max_crop_scale": 1.6},
        {"random_crop": False},
        {"random_crop": True, "image_size": 56},  # larger than the images
    ],
)
def test_labels_show_the_same_part_as_their_image(folder, options):
    source = open_source(str(folder / "images"))
    mask = small_config(folder, folder).mask
    dataset = InpaintingDataset(
        source, labels=LabelMaps(folder / "labels"), mask=mask, **{"image_size": 24} | options
    )
    mirrored = 0
    for number in range(12):
        sample = dataset[number % 6, number, 0]
        assert sample.labels.shape == sample.mask.shape
        shown = sample.image[..., 0].astype(int)
        # Inside a class; at its edge colours are mixed, and labels never are.
        inside = cv2.erode(shown.astype(np.uint8), np.ones((3, 3))) == cv2.dilate(
            shown.astype(np.uint8), np.ones((3, 3))
        )
        assert inside.mean() > 0.15
        np.testing.assert_array_equal(20 * sample.labels.astype(int)[inside], shown[inside])
        assert sample.labels.max() < 10
        mirrored += sample.labels.strides[1] < 0
    assert 0 < mirrored < 12


def test_labels_change_no_other_draw(folder):
    source = open_source(str(folder / "images"))
    settings = {"image_size": 24, "mask": small_config(folder, folder).mask, "max_crop_scale": 1.3}
    plain = InpaintingDataset(source, **settings)
    labelled = InpaintingDataset(source, labels=LabelMaps(folder / "labels"), **settings)
    for number in range(6):
        for one, other in zip(
            plain[number, number, 0][:3], labelled[number, number, 0], strict=False
        ):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_batch_has_the_labels_of_its_samples(folder, workers):
    source = open_source(str(folder / "images"))
    dataset = InpaintingDataset(
        source,
        image_size=24,
        mask=small_config(folder, folder).mask,
        labels=LabelMaps(folder / "labels"),
    )
    loader = Loader(dataset, batch_size=3, workers=workers)
    batch = next(loader)
    loader.close()
    assert batch.labels.dtype == paddle.int64 and batch.labels.shape == [3, 24, 24]
    grey = (batch.image[:, 0] + 1.0) * 127.5
    close = np.abs(20 * batch.labels.numpy() - grey.numpy()) < 1.0
    assert close.mean() > 0.99


def test_maps_of_another_size_are_resized_and_of_another_shape_refused(tmp_path):
    labels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    write_palette(tmp_path / "a.png", labels)
    maps = LabelMaps(tmp_path)
    np.testing.assert_array_equal(maps.read("a.jpg", (2, 3)), labels)
    expected = labels.repeat(4, axis=0).repeat(4, axis=1)
    np.testing.assert_array_equal(maps.read("sub/a.JPEG", (8, 12)), expected)
    with pytest.raises(DataError, match=r"a\.png has 3 x 2 pixels, but its image 'a\.jpg' has 4 x"):
        maps.read("a.jpg", (4, 4))


def test_what_is_no_label_map_is_explained(tmp_path):
    cv2.imwrite(str(tmp_path / "colours.png"), np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "broken.png").write_bytes(b"no PNG")
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "bomb.png", icc_profile=bytes(9**8))
    cv2.imwrite(str(tmp_path / "many.png"), np.full((4, 4), 30, np.uint8))
    cv2.imwrite(str(tmp_path / "unknown.png"), np.full((4, 4), UNKNOWN, np.uint8))
    maps = LabelMaps(tmp_path, classes=21)
    assert (maps.read("unknown.jpg", (4, 4)) == UNKNOWN).all()
    for name, words in (
        ("colours", "has colours"),
        ("broken", "cannot read the label map"),
        ("bomb", "cannot read the label map"),
        ("many", "class 30, but the network has 21 classes"),
        ("missing", r"'missing\.jpg' has no label map: expected .*missing\.png"),
    ):
        with pytest.raises(DataError, match=words):
            maps.read(f"{name}.jpg", (4, 4))
    with pytest.raises(DataError, match="no such folder"):
        LabelMaps(tmp_path / "nowhere")


def guided(folder, output_dir, **changes):
    network = {"name": "semantic_guidance", "options": {"base_channels": 2, "classes": 10}}
    objective = {"name": "semantic_guidance", "options": {"critic_channels": 2}}
    return small_config(
        folder / "images", output_dir, network=network, objective=objective, **changes
    )


def test_the_classes_of_the_network_bound_the_labels(folder, tmp_path):
    config = guided(folder, tmp_path, data__labels=str(folder / "labels"))
    assert open_dataset(config, config.data.train).labels.classes == 10
    config = guided(folder, tmp_path, data__labels=str(folder / "nowhere"))
    with pytest.raises(DataError, match="data.labels=PATH"):
        open_dataset(config, config.data.train)


def test_a_training_without_labels_is_explained(folder, tmp_path):
    with pytest.raises(DataError, match="set data.labels"):
        Trainer(guided(folder, tmp_path)).step()
    next((folder / "labels").glob("*.png")).unlink()
    trainer = Trainer(guided(folder, tmp_path, data__labels=str(folder / "labels")))
    with pytest.raises(DataError, match="has no label map"):
        for _ in range(6):
            trainer.step()


SEGMENTATION = """
batch_size: 1
iters: 1
model: {type: FastSCNN, num_classes: 4, enable_auxiliary_loss: false}
train_dataset: {type: Dataset, dataset_root: ., train_path: none.txt, num_classes: 4, mode: train}
val_dataset:
  type: Dataset
  dataset_root: .
  val_path: none.txt
  num_classes: 4
  mode: val
  transforms: [{type: Resize, target_size: [64, 64]}, {type: Normalize}]
optimizer: {type: SGD}
lr_scheduler: {type: PolynomialDecay, learning_rate: 0.01}
loss: {types: [{type: CrossEntropyLoss}], coef: [1]}
"""


@pytest.mark.slow
def test_label_maps_that_paddleseg_makes_as_the_guide_says(tmp_path, monkeypatch):
    pytest.importorskip("paddleseg", reason="the extra seg is not installed")
    from paddleseg.cvlibs import Config, SegBuilder

    monkeypatch.chdir(tmp_path)
    Path("segmentation.yml").write_text(SEGMENTATION)
    model = SegBuilder(Config("segmentation.yml")).model
    paddle.save(model.state_dict(), "segmentation.pdparams")
    Path("photos/deep").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("photos/a.jpg", "photos/deep/b.jpg"):
        cv2.imwrite(name, rng.integers(0, 256, (60, 80, 3), dtype=np.uint8))
    guide = Path(__file__).resolve().parents[2] / "docs/methods/semantic_guidance.md"
    exec(re.search(r"```python\n(.*?)```", guide.read_text("utf-8"), re.S)[1], {})
    maps = LabelMaps("labels/pseudo_color_prediction", classes=4)
    for name in ("a.jpg", "deep/b.jpg"):
        labels = maps.read(name, (60, 80))
        assert labels.shape == (60, 80) and labels.max() < 4
