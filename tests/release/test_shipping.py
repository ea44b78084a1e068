# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import json

import numpy as np
import pytest
from small_run import save_small_network, small_config

from ppdeepfill.config import load_config
from ppdeepfill.errors import UserError
from ppdeepfill.weights.checkpoint import save_best
from ppdeepfill.weights.finding import find_generator
from ppdeepfill.weights.generator_file import Generator, read_generator, sha256_of
from release.shipping import hours_of, read_provenance, ship


def line(kind, iteration, **values):
    return {"type": kind, "iter": iteration, **values}


LOG = [
    line("train", 1, avg_batch_cost=3600.0),
    line("validate", 1, hole_l1=0.2, psnr=20.0),
    line("train", 1, avg_batch_cost=7200.0),  # again, by a resumed run
    line("train", 500, avg_batch_cost=1.0),  # after the best model
]


@pytest.fixture
def run(tmp_path):
    """A run whose best model is of iteration 1."""
    folder = save_small_network(tmp_path / "run")
    config = small_config(tmp_path / "somewhere/private/photos", folder)
    (folder / "config.yaml").write_text(config.to_yaml())
    (folder / "metrics.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in LOG))
    return folder


def test_weights_are_halved_and_nothing_else_changes(run, tmp_path):
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    provenance = ship(run, tmp_path / "shipped", commit="abc")
    assert before == {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    ours, theirs = (read_generator(find_generator(p)) for p in (tmp_path / "shipped", run))
    assert ours[:3] == theirs[:3]
    for name, array in theirs.weights.items():
        np.testing.assert_allclose(ours.weights[name], array, rtol=2**-11, atol=2**-25)
    assert provenance == read_provenance(tmp_path / "shipped")
    assert provenance.sha256 == sha256_of(tmp_path / "shipped/generator.safetensors")
    assert (provenance.iterations, provenance.planned, provenance.commit) == (1, 4, "abc")


def test_the_log_ends_with_the_shipped_iteration(run, tmp_path):
    provenance = ship(run, tmp_path / "shipped", commit="abc")
    assert provenance.hours == 2  # of the repeated iteration the last counts
    text = (tmp_path / "shipped/metrics.jsonl").read_text()
    assert [json.loads(entry) for entry in text.splitlines()] == [LOG[1]]


def test_a_run_that_began_with_shipped_weights_counts_on(run, tmp_path):
    ship(run, tmp_path / "first", commit="abc")
    provenance = ship(run, tmp_path / "shipped", commit="def", continues=tmp_path / "first")
    assert (provenance.iterations, provenance.planned, provenance.hours) == (2, 5, 4)
    assert provenance.before == 1
    assert read_generator(find_generator(tmp_path / "shipped")).iteration == 2
    text = (tmp_path / "shipped/metrics.jsonl").read_text()
    expected = [LOG[1], LOG[1] | {"iter": 2}]
    assert [json.loads(entry) for entry in text.splitlines()] == expected
    assert load_config(tmp_path / "shipped/config.yaml").initial_weights == "shipped"


def test_no_path_of_the_machine_is_shipped(run, tmp_path):
    ship(run, tmp_path / "shipped", commit="abc")
    assert "private" not in (tmp_path / "shipped/config.yaml").read_text()
    config = load_config(tmp_path / "shipped/config.yaml")
    assert config.data.image_size == (32, 32)


def test_weights_beyond_half_precision_are_refused(run, tmp_path):
    generator = read_generator(find_generator(run))
    name, array = next(iter(generator.weights.items()))
    large = generator.weights | {name: np.full_like(array, 7e4)}
    save_best(run, Generator(*generator[:3], large))
    with pytest.raises(UserError, match="half precision"):
        ship(run, tmp_path / "shipped", commit="abc")


def test_hours_are_means_times_iterations():
    lines = [line("train", 50, avg_batch_cost=36.0), line("train", 150, avg_batch_cost=18.0)]
    assert hours_of([lines[0], line("validate", 50), lines[1]]) == 1.0
