# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Runs that end after a training time, `schedule.minutes`, on a clock of the tests."""

import itertools
from types import SimpleNamespace

import pytest
from small_run import read_checkpoints, read_metrics, small_config

from ppdeepfill.errors import ConfigError
from ppdeepfill.training import meter
from ppdeepfill.training.trainer import Trainer
from ppdeepfill.weights.checkpoint import newest_checkpoint

ITERATION = 7  # seconds: the clock is read 8 times in an iteration that draws 3 batches


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """A second passes with every look at the clock."""
    ticks = itertools.count()
    monkeypatch.setattr(meter, "time", SimpleNamespace(perf_counter=lambda: float(next(ticks))))


def budget_config(photos, output_dir, **changes):
    schedule = {"schedule__iterations": 100, "schedule__minutes": 0.5} | changes
    return small_config(photos, output_dir, data__validation=str(photos), **schedule)


def test_a_run_ends_with_the_iteration_in_which_its_time_is_over(photos, tmp_path):
    config = budget_config(photos, tmp_path, schedule__checkpoint_every=100)
    Trainer(config).fit()
    checkpoint = newest_checkpoint(tmp_path).checkpoint
    assert checkpoint.generator.iteration == 5  # 4 iterations take 28 of 30 seconds
    assert checkpoint.progress["training_seconds"] == 5 * ITERATION
    last = [entry["iter"] for entry in read_metrics(tmp_path)][-2:]
    assert last == [5, 5]  # logged and validated, although neither was due
    assert (tmp_path / "images/iter_00000005.png").is_file()


def test_a_run_whose_time_is_over_changes_nothing(photos, tmp_path):
    config = budget_config(photos, tmp_path)
    Trainer(config).fit()
    before = read_checkpoints(tmp_path)
    Trainer(config).fit()
    assert read_checkpoints(tmp_path) == before


def test_time_goes_on_after_a_restart(photos, tmp_path, monkeypatch):
    config = budget_config(photos, tmp_path / "parts")
    trainer = Trainer(config)
    step = trainer.step

    def step_or_die():
        if trainer.iteration == 3:
            raise KeyboardInterrupt
        return step()

    monkeypatch.setattr(trainer, "step", step_or_die)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit()
    Trainer(config).fit()
    whole = budget_config(photos, tmp_path / "whole")
    Trainer(whole).fit()
    parts, whole = (newest_checkpoint(tmp_path / n).checkpoint for n in ("parts", "whole"))
    assert parts.progress == whole.progress
    assert parts.generator.iteration == whole.generator.iteration


def test_the_time_left_is_that_of_the_budget(photos, tmp_path, messages):
    Trainer(budget_config(photos, tmp_path)).fit()
    lines = [text for text in messages.messages if text.startswith("[TRAIN]")]
    assert [line.split("eta: ")[1] for line in lines] == ["00:00:16", "00:00:02", "00:00:00"]
    assert f"-o schedule.minutes={1}" in messages.text


def test_iterations_end_a_run_that_has_time_left(photos, tmp_path):
    Trainer(budget_config(photos, tmp_path, schedule__iterations=2)).fit()
    assert newest_checkpoint(tmp_path).checkpoint.generator.iteration == 2


def test_equal_runs_without_a_time_have_equal_checkpoints(photos, tmp_path):
    Trainer(small_config(photos, tmp_path)).fit()
    assert "training_seconds" not in newest_checkpoint(tmp_path).checkpoint.progress


def test_a_time_must_be_longer_than_none(photos, tmp_path):
    with pytest.raises(ConfigError, match=r"schedule\.minutes"):
        small_config(photos, tmp_path, schedule__minutes=0)
