# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A small PaddleSeg model whose classes are colours: red is a person, green is grass."""

from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest
import yaml
from paddle import nn

from ppdeepfill.segmentation.recognition import Recognition

COLOURS = {"sky": (0, 0, 255), "person": (255, 0, 0), "grass": (0, 255, 0)}
SKY, PERSON, GRASS = (np.array(colour, np.uint8) for colour in COLOURS.values())


class ColourClasses(nn.Layer):
    """One convolution; a pixel is of the class whose colour it is nearest to."""

    def __init__(self, num_classes: int, pretrained: str | None = None):
        super().__init__()
        assert pretrained is None, "nothing may be downloaded or loaded besides --seg_weights"
        self.score = nn.Conv2D(3, num_classes, 1)

    def forward(self, x):
        return [self.score(x)]


def register() -> None:
    """Make the model known to PaddleSeg; skips the test where that is not installed."""
    pytest.importorskip("paddleseg", reason="the extra seg is not installed")
    from paddleseg.cvlibs import manager

    if "ColourClasses" not in manager.MODELS.components_dict:
        manager.MODELS.add_component(ColourClasses)


def write_model(folder: Path, **changes) -> tuple[Path, Path]:
    """Write seg.yml and seg.pdparams; changes are sections of the configuration."""
    values = {
        "model": {"type": "ColourClasses", "num_classes": 3, "pretrained": "https://x.invalid"},
        "val_dataset": {
            "type": "Dataset",
            "dataset_root": "data",
            "transforms": [{"type": "Normalize", "mean": [0.5] * 3, "std": [0.5] * 3}],
        },
    } | changes
    (folder / "seg.yml").write_text(yaml.safe_dump(values), encoding="utf-8")
    model = ColourClasses(3)
    colours = np.array(list(COLOURS.values()), np.float32) / 127.5 - 1
    model.score.weight.set_value(paddle.to_tensor(colours[..., None, None]))
    paddle.save(model.state_dict(), str(folder / "seg.pdparams"))
    return folder / "seg.yml", folder / "seg.pdparams"


def write_labels(folder: Path) -> Path:
    path = folder / "names.txt"
    path.write_text("\n".join(COLOURS), encoding="utf-8")
    return path


def recognition(folder: Path) -> Recognition:
    """The model, written to a folder."""
    register()
    config, weights = write_model(folder)
    return Recognition(config=config, weights=weights, labels=write_labels(folder))


def write_photo(path: Path) -> None:
    """72 x 96 pixels: a person before sky and grass, with a gap of 4 x 4 pixels; a red speck."""
    picture = np.empty([72, 96, 3], np.uint8)
    picture[:40], picture[40:] = SKY, GRASS
    picture[20:60, 30:50] = PERSON
    picture[30:34, 36:40] = SKY
    picture[5:8, 80:83] = PERSON
    cv2.imwrite(str(path), picture[..., ::-1])
