# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The networks that come with the package."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from small_run import save_small_network

from ppdeepfill.cli import main
from ppdeepfill.config import load_config
from ppdeepfill.data import center_mask, open_source
from ppdeepfill.data.dataset import fit
from ppdeepfill.evaluation.metrics import measure
from ppdeepfill.inference.baselines import mean_fill
from ppdeepfill.inference.inpainter import Inpainter
from ppdeepfill.weights.checkpoint import GENERATOR
from ppdeepfill.weights.finding import DEMO, DEMO_SMALL, SHIPPED, find_generator, load_generator
from ppdeepfill.weights.generator_file import (
    Generator,
    read_generator,
    sha256_of,
    write_generator,
)
from ppdeepfill.weights.recorded_arrays import read_recorded

FILE = SHIPPED[DEMO] / GENERATOR
LARGEST = {DEMO: 8 << 20, DEMO_SMALL: 2 << 20}  # bytes


def provenance(name: str) -> dict:
    return json.loads((SHIPPED[name] / "provenance.json").read_text())


@pytest.mark.parametrize("name", SHIPPED)
def test_the_file_is_the_one_of_the_card(name):
    card, file = (SHIPPED[name] / "card.md").read_text("utf-8"), SHIPPED[name] / GENERATOR
    assert sha256_of(file) == provenance(name)["sha256"]
    assert re.findall(r"\b[0-9a-f]{64}\b", card) == [provenance(name)["sha256"]]
    assert file.stat().st_size < LARGEST[name]


@pytest.mark.parametrize("name", SHIPPED)
def test_it_is_stored_in_half_precision_and_read_in_single(name):
    file = SHIPPED[name] / GENERATOR
    stored, weights = read_recorded(file)[1], read_generator(file).weights
    assert {array.dtype for array in stored.values()} == {np.dtype(np.float16)}
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float32)}
    for name, array in stored.items():
        np.testing.assert_array_equal(weights[name], array.astype(np.float32))


@pytest.mark.parametrize("name", SHIPPED)
def test_its_record_agrees_with_its_configuration(name):
    folder, record = SHIPPED[name], provenance(name)
    config, generator = load_config(folder / "config.yaml"), read_generator(folder / GENERATOR)
    assert config.network.name == generator.network
    # Options that came later have their defaults.
    assert config.network.options == config.network.options | generator.options
    assert config.seed == record["seed"]
    assert config.schedule.iterations == record["planned"] - record["before"]
    assert (config.initial_weights == name) == (record["before"] > 0)
    assert generator.iteration == record["iterations"]
    lines = [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]
    assert max(line["iter"] for line in lines) <= generator.iteration
    for text in (folder / "config.yaml", folder / "metrics.jsonl", folder / "card.md"):
        assert not re.search(r"(?<![\w.])/(work|tmp|home|root)\b", text.read_text("utf-8"))


def test_demo_is_its_name_unless_a_network_lies_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_generator(DEMO) == find_generator(Path(DEMO)) == FILE
    assert find_generator(DEMO_SMALL) == SHIPPED[DEMO_SMALL] / GENERATOR
    Path(DEMO).mkdir()  # of photographs, say
    assert find_generator(DEMO) == FILE
    own = save_small_network(tmp_path / DEMO)
    assert find_generator(DEMO).resolve() == own / "best_model" / GENERATOR
    assert Inpainter.demo().network.state_dict().keys() == load_generator(FILE).state_dict().keys()


def test_it_can_be_converted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["convert", "--from", "paddle", DEMO_SMALL, "demo.pdparams"]) == 0
    ours, theirs = (
        read_generator(path) for path in (find_generator(DEMO_SMALL), Path("demo.pdparams"))
    )
    assert ours[:3] == theirs[:3]
    for name, array in ours.weights.items():
        np.testing.assert_array_equal(theirs.weights[name], array)


def test_half_precision_survives_writing_and_reading(tmp_path):
    halves = {"w": np.array([0.1, -3.5], np.float16), "n": np.array([7], np.int64)}
    write_generator(tmp_path / GENERATOR, Generator("deepfill_v1", {}, 1, halves))
    weights = read_generator(tmp_path / GENERATOR).weights
    assert weights["w"].dtype == np.float32 and weights["n"].dtype == np.int64
    np.testing.assert_array_equal(weights["w"], halves["w"].astype(np.float32))


@pytest.mark.parametrize("name", SHIPPED)
def test_it_fills_photographs_it_never_saw_better_than_their_mean(name):
    photos, inpaint = open_source("bundled:validation"), Inpainter.from_checkpoint(SHIPPED[name])
    mask = center_mask((128, 128), (64, 64))[0]
    images = [fit(photos.read(number), (128, 128), crop=True) for number in range(len(photos))]
    ours, mean = (
        np.mean([measure(f(x, mask * np.uint8(255)), x, mask)["hole_l1"] for x in images])
        for f in (inpaint, mean_fill)
    )
    assert ours < 0.8 * mean


@pytest.mark.slow
def test_it_is_exported_by_default(tmp_path, monkeypatch):
    from ppdeepfill.deployment.exported import ExportedInpainter

    monkeypatch.chdir(tmp_path)
    assert main(["export"]) == 0
    exported = ExportedInpainter(Path("output/inference_model"))
    assert exported.description["generator_sha256"] == provenance(DEMO)["sha256"]
