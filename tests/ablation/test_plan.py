# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What is refused before anything is trained."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import pytest

from ppdeepfill.training import meter
from ppdeepfill.training.trainer import Trainer
from ppdeepfill.weights.checkpoint import newest_checkpoint


@pytest.fixture
def clock(monkeypatch):
    """A second passes with every look at the clock: 3 in an iteration that draws a batch."""
    ticks = itertools.count()
    monkeypatch.setattr(meter, "time", SimpleNamespace(perf_counter=lambda: float(next(ticks))))
    monkeypatch.setattr("ppdeepfill.ablation.ablate.seconds_per_iteration", lambda config: 3.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("nowhere.yaml", "no configuration file nowhere.yaml"),
        ("one.yaml other/one.yaml", "two configurations are named 'one'"),
        ("one.yaml longer.yaml", r"different numbers of iterations \(one: 4, longer: 8\)"),
        ("one.yaml mixed.yaml", "mixed cannot be trained: "),
        ("one.yaml missing.yaml", "missing cannot be trained: data.train"),
        ("one.yaml larger.yaml", "image_size is .* in one and .* in larger"),
        ("one.yaml telea.yaml --methods telea", "telea is a configuration and one of --methods"),
        ("one.yaml --methods teleea", "unknown method 'teleea'"),
        ("one.yaml --masks nowhere", "neither center, rectangle, free_form nor"),
        ("one.yaml --images nowhere", "no such file or folder"),
        ("one.yaml -o seed=3", "an ablation sets seed by --seeds"),
        ("one.yaml -o schedule.iterations=3", "sets schedule.iterations by --iterations"),
        ("one.yaml -o data.size=3", "unknown key data.size"),
        ("cosine.yaml --minutes 1", "cosine learning rate of cosine needs it"),
        ("one.yaml --minutes 1 --iterations 3", "not allowed with argument"),
        ("one.yaml --minutes 0", "must be a number above 0; got '0'"),
        ("one.yaml --minutes nan", "must be a number above 0; got 'nan'"),
        ("one.yaml --iterations 0", "whole number from 1"),
        ("one.yaml --lpips_weights nowhere", "nowhere"),
    ],
)
def test_what_cannot_work_is_found_before_anything_is_trained(
    folder, write_config, refusal, monkeypatch, arguments, message
):
    monkeypatch.setattr(Trainer, "fit", lambda self: pytest.fail("trained"))
    (folder / "other").mkdir()
    for name in ("one", "telea", "other/one"):
        write_config(name)
    write_config("longer", schedule__iterations=8)
    write_config("larger", data__image_size=48)
    write_config("missing", data__train="nowhere")
    write_config("cosine", optimizer__schedule={"kind": "cosine"})
    write_config("mixed", data__batch_size=100)
    found = refusal(*arguments.split())
    with pytest.raises(ValueError, match=message):
        raise ValueError(found)
    assert not (folder / "ab").exists()


def test_a_run_with_other_settings_is_not_continued(folder, write_config, ablate, refusal):
    write_config("one")
    assert ablate("one.yaml") == 0
    assert ablate("one.yaml", "-o", "data.workers=1", "schedule.log_every=1") == 0
    found = refusal("one.yaml", "-o", "optimizer.learning_rate=0.5")
    assert "optimizer.learning_rate was 0.0001 and is 0.5" in found
    assert "use another --save_dir" in found


def test_a_cosine_ends_where_it_was_begun_to_end(folder, write_config, ablate, refusal):
    write_config("one", optimizer__schedule={"kind": "cosine"})
    assert ablate("one.yaml", "--iterations", 2) == 0
    assert "schedule.iterations was 2 and is 3" in refusal("one.yaml", "--iterations", 3)


def test_a_time_that_is_over_is_remembered(folder, write_config, ablate, clock, monkeypatch):
    write_config("one")
    assert ablate("one.yaml", "--minutes", 0.25) == 0
    run = Path("ab/runs/one/seed_2018")
    checkpoint = newest_checkpoint(run).checkpoint
    assert checkpoint.progress["training_seconds"] == 15.0  # 5 iterations
    monkeypatch.setattr(Trainer, "step", lambda self: pytest.fail("trained again"))
    assert ablate("one.yaml", "--minutes", 0.25) == 0


def test_a_time_can_be_extended_but_not_undone(folder, write_config, ablate, refusal, clock):
    write_config("one")
    assert ablate("one.yaml", "--minutes", 0.25) == 0
    assert ablate("one.yaml", "--minutes", 0.5) == 0
    assert newest_checkpoint(Path("ab/runs/one/seed_2018")).checkpoint.generator.iteration == 10
    found = refusal("one.yaml", "--minutes", 0.25)
    assert "was trained for 0.5 minutes, more than 0.25" in found


def test_a_run_by_iterations_has_no_time_to_continue(folder, write_config, ablate, refusal):
    write_config("one")
    assert ablate("one.yaml") == 0
    assert "4 iterations, without a budget in minutes" in refusal("one.yaml", "--minutes", 1)
