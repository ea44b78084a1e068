# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints cut off or changed at every place: the one before is used, and the user told."""

import logging

import numpy as np
import pytest
from small_run import small_config

from ppdeepfill.cli import main
from ppdeepfill.training.trainer import Trainer
from ppdeepfill.weights.checkpoint import (
    Checkpoint,
    best_model,
    newest_checkpoint,
    read_checkpoint,
    save_checkpoint,
)
from ppdeepfill.weights.generator_file import Generator

FILES = ["generator.safetensors", "training.safetensors"]


def write_checkpoints(output_dir, rng):
    """Two checkpoints of a few arrays; returns the newest."""
    for iteration in (1, 2):
        weights = {name: rng.normal(size=(2, 3)).astype(np.float32) for name in ("a.weight", "b")}
        generator = Generator("deepfill_v1", {"base_channels": 4}, iteration, weights)
        progress = {"best_score": 0.25, "interval": {"loss": [1.5, 2]}, "average_updates": 0}
        checkpoint = Checkpoint(generator, {"modules/c": weights["b"]}, progress, {"seed": 1})
        folder = save_checkpoint(output_dir, checkpoint, keep=3)
    return folder


def equal(first, second):
    same_arrays = all(
        a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)
        for a, b in [
            (first.arrays, second.arrays),
            (first.generator.weights, second.generator.weights),
        ]
    )
    rest = [(c.generator[:3], c.progress, c.config) for c in (first, second)]
    return same_arrays and rest[0] == rest[1]


@pytest.mark.parametrize("file", FILES)
def test_one_bit_anywhere_is_noticed(tmp_path, rng, file, caplog):
    """Header, table, metadata, numbers: each byte in turn. A few, such as spaces, mean nothing."""
    path = write_checkpoints(tmp_path, rng) / file
    content, whole = path.read_bytes(), read_checkpoint(path.parent)
    without_effect = 0
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        caplog.clear()
        found = newest_checkpoint(tmp_path)
        if found.folder.name == "iter_00000002":
            assert equal(found.checkpoint, whole), f"byte {place} changed what was read"
            without_effect += 1
        else:
            assert "skipped an unusable checkpoint" in caplog.text and str(path) in caplog.text
    assert without_effect < 0.05 * len(content)


@pytest.mark.parametrize("file", FILES)
def test_a_file_cut_off_anywhere_is_noticed(tmp_path, rng, file, caplog):
    path = write_checkpoints(tmp_path, rng) / file
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        caplog.clear()
        assert newest_checkpoint(tmp_path).folder.name == "iter_00000001"
        assert str(path) in caplog.text


@pytest.mark.parametrize("file", FILES)
def test_a_run_goes_on_from_the_checkpoint_before_and_says_so(photos, tmp_path, file, capsys):
    config = small_config(photos, tmp_path / "run")
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    Trainer(config).fit()
    newest = tmp_path / "run" / "checkpoints" / "iter_00000004"
    whole = {path.name: path.read_bytes() for path in newest.iterdir()}
    content = bytearray(whole[file])
    content[len(content) // 2] ^= 4
    (newest / file).write_bytes(content)
    assert main(["train", "--config", str(tmp_path / "config.yaml")]) == 0
    told = capsys.readouterr().out
    assert f"skipped an unusable checkpoint: {newest / file} is damaged" in told
    assert "resumed from" in told and "iter_00000002" in told
    assert {path.name: path.read_bytes() for path in newest.iterdir()} == whole


def test_if_no_checkpoint_is_left_the_run_does_not_begin_again_by_itself(photos, tmp_path, capsys):
    config = small_config(photos, tmp_path / "run", schedule__iterations=2)
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    Trainer(config).fit()
    (tmp_path / "run" / "checkpoints" / "iter_00000002" / FILES[1]).write_bytes(b"")
    assert main(["train", "--config", str(tmp_path / "config.yaml")]) == 2
    assert "is complete; delete its folder checkpoints" in capsys.readouterr().err


def test_a_damaged_best_model_is_named(tmp_path, rng, capsys):
    path = best_model(tmp_path / "run")
    path.parent.mkdir(parents=True)
    content = (write_checkpoints(tmp_path / "other", rng) / FILES[0]).read_bytes()
    path.write_bytes(content[:-1])
    assert main(["export", "--model_path", str(tmp_path / "run"), "--save_dir", "unused"]) == 2
    assert str(path) in capsys.readouterr().err


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"[1]\n", b"{}\n", b'{"iter": "x"}\n', b"\0" * 50])
def test_a_damaged_line_of_the_metrics_costs_only_itself(photos, tmp_path, damage, caplog):
    config = small_config(photos, tmp_path)
    Trainer(config).fit()
    path = tmp_path / "metrics.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(damage + b"\n" + b"".join(lines))
    with caplog.at_level(logging.WARNING):
        Trainer(small_config(photos, tmp_path, schedule__iterations=5)).fit()
    assert path.read_bytes().splitlines(keepends=True)[: len(lines)] == lines
    assert "dropped a line that cannot be read" in caplog.text
