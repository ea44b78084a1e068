# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Rebuilding a picture from the patches of another."""

import os
from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest

from ppdeepfill.cli import main
from ppdeepfill.drawing import attend as module
from ppdeepfill.drawing.attend import attend, rebuild
from ppdeepfill.errors import DataError, OutputError
from ppdeepfill.networks.attention.contextual import attention_to_offsets, contextual_attention


def photograph(rng, height: int, width: int) -> np.ndarray:
    """Smooth random colours, uint8 [H, W, 3]."""
    small = rng.integers(0, 256, (height // 4 + 1, width // 4 + 1, 3), dtype=np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("memory", [50_000, 200_000, 1 << 26])
def test_equals_the_attention_whatever_the_memory(rng, monkeypatch, memory):
    monkeypatch.setattr(module, "MEMORY", memory)
    image, patches_from = photograph(rng, 20, 26), photograph(rng, 16, 12)
    rebuilt, offsets = rebuild(image, patches_from)
    features = [
        paddle.to_tensor(x.transpose(2, 0, 1)[None].astype(np.float32))
        for x in (image, patches_from)
    ]
    expected, attention = contextual_attention(*features, propagation_size=1)
    expected = expected[0].transpose([1, 2, 0]).numpy().round().clip(0, 255)
    assert np.abs(rebuilt - expected).max() <= 1
    theirs = attention_to_offsets(attention, (8, 6))[0].numpy()
    np.testing.assert_array_equal(offsets, theirs)


def test_an_image_rebuilds_itself(rng):
    image = photograph(rng, 32, 48)
    rebuilt, offsets = rebuild(image, image)
    inner = np.s_[4:-4, 4:-4]
    assert np.abs(rebuilt[inner].astype(int) - image[inner]).mean() < 8
    assert (offsets == 0).mean() > 0.8


def test_odd_sizes_are_cropped(rng):
    rebuilt, offsets = rebuild(photograph(rng, 21, 27), photograph(rng, 17, 13))
    assert rebuilt.shape == (20, 26, 3) and offsets.shape == (2, 10, 13)


def test_command_writes_pictures(rng, tmp_path):
    for name in "ab":
        cv2.imwrite(str(tmp_path / f"{name}.png"), photograph(rng, 24, 32))
    arguments = [str(tmp_path / name) for name in ("a.png", "b.png", "new/out.png")]
    status = main(["attend", *arguments, "--offsets", str(tmp_path / "offsets.png")])
    assert status == 0
    assert cv2.imread(str(tmp_path / "new/out.png")).shape == (24, 32, 3)
    assert cv2.imread(str(tmp_path / "offsets.png")).shape == (12, 16, 3)


def test_unusable_files_are_explained(rng, tmp_path):
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    cv2.imwrite(str(good), photograph(rng, 24, 32))
    bad.write_bytes(b"no image")
    with pytest.raises(DataError, match="bad.png"):
        attend(bad, good, tmp_path / "out.png")
    with pytest.raises(DataError, match="No such file"):
        attend(good, tmp_path / "missing.png", tmp_path / "out.png")
    with pytest.raises(OutputError, match="good.png is not a folder"):
        attend(good, good, good / "out.png")
    for name in ("out", "out.unknown", "out.exr", "out.pbm"):  # no format, or none of 8-bit colours
        with pytest.raises(DataError, match="cannot write .* use a name that ends in"):
            attend(good, good, tmp_path / name)
    with pytest.raises(DataError, match="this is a folder"):
        attend(good, good, tmp_path)
    with pytest.raises(DataError, match="cannot write"):
        attend(good, good, tmp_path / "out.png", offsets=tmp_path / "offsets.unknown")
    assert not (tmp_path / "out.png").exists()
    tiny = tmp_path / "tiny.png"
    cv2.imwrite(str(tiny), photograph(rng, 8, 1))
    for images, needed in [((tiny, good), "4 x 4"), ((good, tiny), "2 x 2")]:
        with pytest.raises(DataError, match=f"tiny.png has 1 x 8 pixels; .* at least {needed}"):
            attend(*images, tmp_path / "out.png")
    with pytest.raises(DataError, match="too small"):
        rebuild(np.zeros((1, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8))


def test_pictures_never_replace_an_input_or_each_other(rng, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        cv2.imwrite(f"{name}.png", photograph(rng, 24, 32))
    Path("link.png").symlink_to("b.png")
    os.link("a.png", "hard.png")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for outputs, words in {
        ("b.png",): "b.png would replace the input b.png",
        ("link.png",): "link.png would replace the input b.png",
        ("hard.png",): "hard.png would replace the input a.png",
        ("out.png", "--offsets", "a.png"): "would replace the input a.png",
        ("same.png", "--offsets", "./same.png"): "would replace the other picture",
    }.items():
        assert main(["attend", "a.png", "b.png", *outputs]) == 2
        assert words in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
