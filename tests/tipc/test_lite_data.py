# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The small data set has what the contest asks for: 8 to 16 images each, in a few megabytes."""

import runpy
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def test_the_small_data_set_is_what_the_configurations_expect(tmp_path):
    runpy.run_path(str(ROOT / "test_tipc/lite_data.py"))["write_lite_data"](tmp_path)
    train, val = (
        [Image.open(path) for path in sorted((tmp_path / part).glob("*.png"))]
        for part in ("train", "val")
    )
    assert 8 <= len(train) <= 16
    assert 8 <= len(val) <= 16
    assert {image.size for image in train} == {(288, 288)}
    assert {image.size for image in val} == {(256, 256)}
    assert len({image.tobytes() for image in train + val}) == len(train + val)
    labels = sorted((tmp_path / "labels").glob("*.png"))
    assert [path.name for path in labels] == [
        p.name for p in sorted((tmp_path / "train").iterdir())
    ]
    assert {Image.open(path).size for path in labels} == {(288, 288)}
    assert max(np.asarray(Image.open(path)).max() for path in labels) == 7
    assert sum(path.stat().st_size for path in tmp_path.rglob("*")) < 20e6
    hole = np.asarray(Image.open(tmp_path / "mask.png")) > 127
    assert hole.shape == (256, 256)
    assert hole.sum() == 128 * 128
    assert hole[64:192, 64:192].all()
