# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import pickle
import sys

import numpy as np
import paddle
import pytest
import yaml

from ppdeepfill.data.decoding import read_image
from ppdeepfill.errors import CheckpointError, ConfigError, UserError, WeightsError
from ppdeepfill.segmentation.model_config import read_model_config
from ppdeepfill.segmentation.segmenter import Segmenter


@pytest.mark.usefixtures("registered")
def test_classes_are_those_of_the_pixels(write_model, photo):
    image = read_image(photo)
    classes = Segmenter(*write_model()).classes_of(image)
    expected = np.select([(image == c).all(-1) for c in ((0, 0, 255), (255, 0, 0))], [0, 1], 2)
    np.testing.assert_array_equal(classes, expected)
    assert classes.dtype == np.int32


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    "changes",
    [
        {"test_config": {"is_slide": True, "crop_size": [40, 32], "stride": [24, 16]}},
        {
            "val_dataset": {
                "type": "Dataset",
                "transforms": [
                    {"type": "ResizeByLong", "long_size": 192},
                    {"type": "Normalize"},
                ],
            }
        },
    ],
    ids=["sliding window", "resized"],
)
def test_the_configuration_says_how_images_are_seen(write_model, photo, changes):
    image = read_image(photo)
    plain = Segmenter(*write_model()).classes_of(image)
    found = Segmenter(*write_model(**changes)).classes_of(image)
    assert found.shape == plain.shape
    assert (found == plain).mean() > 0.98  # a resized edge may move by a pixel


@pytest.mark.usefixtures("registered")
def test_a_model_of_paddleseg_says_what_it_says_in_paddleseg(tmp_path, photo):
    """Their ENet with random weights, against their own prediction."""
    from paddleseg.core.infer import inference
    from paddleseg.models import ENet
    from paddleseg.transforms import Compose, Normalize

    paddle.seed(3)
    model = ENet(num_classes=4)
    paddle.save(model.state_dict(), str(tmp_path / "enet.pdparams"))
    values = {
        "model": {"type": "ENet"},
        "train_dataset": {
            "type": "Dataset",
            "num_classes": 4,
            "transforms": [{"type": "Normalize"}],
        },
    }
    (tmp_path / "enet.yml").write_text(yaml.safe_dump(values), encoding="utf-8")
    model.eval()
    prepared = Compose([Normalize()])({"img": str(photo)})
    with paddle.no_grad():
        expected, _ = inference(
            model, paddle.to_tensor(prepared["img"][None]), prepared["trans_info"]
        )
    found = Segmenter(tmp_path / "enet.yml", tmp_path / "enet.pdparams").classes_of(
        read_image(photo)
    )
    np.testing.assert_array_equal(found, expected[0, 0].numpy())
    assert len(np.unique(found)) > 1


def test_files_may_be_based_on_each_other(tmp_path):
    (tmp_path / "base.yml").write_text(
        "model: {type: A, backbone: {type: B, pretrained: x, depth: 5}, num_classes: 2}\n"
        "val_dataset: {type: Dataset, transforms: [{type: Normalize}]}\n",
        encoding="utf-8",
    )
    (tmp_path / "own.yml").write_text(
        "_base_: base.yml\nmodel: {num_classes: 7, heads: [{pretrained: y}, 3]}\n", encoding="utf-8"
    )
    (tmp_path / "fresh.yml").write_text(
        "_base_: own.yml\nmodel: {_inherited_: false, type: C}\n", encoding="utf-8"
    )
    own, fresh = (read_model_config(tmp_path / f"{name}.yml") for name in ("own", "fresh"))
    backbone = {"type": "B", "depth": 5}
    assert own.model == {"type": "A", "backbone": backbone, "num_classes": 7, "heads": [{}, 3]}
    assert fresh.model == {"type": "C"}


class _Command:
    def __reduce__(self):
        return exec, ("raise SystemExit('this code ran')",)


def test_weights_that_would_run_code_are_refused(write_model):
    config, weights = write_model()
    weights.write_bytes(pickle.dumps({"score.weight": _Command()}))
    with pytest.raises(WeightsError, match="seg.pdparams"):
        Segmenter(config, weights)


@pytest.mark.usefixtures("registered")
def test_weights_of_another_model_are_refused_by_name(write_model):
    config, weights = write_model(
        model={"type": "ColourClasses", "num_classes": 4},
    )
    with pytest.raises(CheckpointError, match=r"score.weight is \[3, 3, 1, 1\], expected \[4"):
        Segmenter(config, weights)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a list", "must contain a mapping"),
        ("a: [", "line 1"),
        ("a: !!python/object/apply:os.getcwd []", "python/object/apply"),
        ("iters: 3", "describes no PaddleSeg model"),
        ("model: {type: ENet}", "does not say how to prepare images"),
        ("_base_: seg.yml", "leads through more than 16 files"),
        ("_base_: nowhere.yml", "no PaddleSeg configuration at .*nowhere.yml"),
        (
            "model: {type: NoNet, num_classes: 2}\nval_dataset: {transforms: [{type: Normalize}]}",
            "the model NoNet cannot be built: .*NoNet.* was not found",
        ),
        (
            "model: {type: ENet}\nval_dataset: {transforms: [{type: Normalize}]}",
            "does not say how many classes",
        ),
        (
            "model: {type: ColourClasses, num_classes: 3}\nval_dataset: {transforms: [{type: N}]}",
            "the transform N cannot be built",
        ),
        (
            "model: {type: ENet, num_classes: 2}\nval_dataset: {transforms: []}\n"
            "test_config: {is_slide: true, crop_size: [3]}",
            "needs crop_size and stride",
        ),
    ],
)
def test_a_bad_configuration_is_explained(write_model, text, message):
    config, weights = write_model()
    config.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        Segmenter(config, weights)


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ((3, 11), r'install it with pip install -e "\.\[seg\]"'),
        ((3, 13), "cannot be installed on Python 3.13 .*make the masks elsewhere .*--mask_path"),
    ],
)
def test_without_paddleseg_it_says_what_to_do(write_model, monkeypatch, version, message):
    monkeypatch.setitem(sys.modules, "paddleseg", None)
    monkeypatch.setattr("ppdeepfill.segmentation.segmenter.sys.version_info", version)
    with pytest.raises(UserError, match=message):
        Segmenter(*write_model())
