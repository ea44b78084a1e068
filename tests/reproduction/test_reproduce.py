# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The verb: what it tells, and what it starts."""

import json
import re
import shlex

import pytest
from small_run import write_photos

from ppdeepfill.cli import main
from ppdeepfill.reproduction.milestones import milestones
from ppdeepfill.training import trainer
from ppdeepfill.weights.finding import DEMO_SMALL, SHIPPED


@pytest.fixture
def started(tmp_path, monkeypatch):
    """The configurations that a training was started with, in an empty current folder."""
    monkeypatch.chdir(tmp_path)
    configs = []

    class Started:
        def __init__(self, config):
            configs.append(config)

        def describe(self) -> str:
            return ""

        def fit(self) -> None: ...

    monkeypatch.setattr(trainer, "Trainer", Started)
    return configs


def told(capsys, *arguments, status=0) -> str:
    assert main(["reproduce", "places2", "--device=cpu", *arguments]) == status
    said = capsys.readouterr()
    return said.out + said.err


def test_without_images_the_plan_says_what_to_get(started, capsys):
    text = told(capsys, "--dry_run", "--memory", "24")
    for words in ("train_large_places365standard.tar", "val_large.tar", "1,000,000 iterations"):
        assert words in text
    assert "data.accumulate=2," in text and "computed, not measured" in text
    assert "no images to train with" in told(capsys, "--memory=24", status=2)
    assert started == []


def test_the_command_that_it_shows_makes_the_same_run(started, capsys, tmp_path):
    photos = write_photos(tmp_path / "my photos")
    text = told(capsys, "--train", str(photos), "--memory", "8", "--save_dir", "run")
    (command,) = re.findall(r"^  ppdeepfill train (.*)$", text, re.M)
    assert main(["train", *shlex.split(command)]) == 0
    ours, by_hand = started
    assert ours == by_hand
    assert (ours.data.train, ours.data.validation) == (str(photos), None)
    assert (ours.data.accumulate, ours.output_dir) == (6, "run")
    assert ours.data.batch_size == 48 and ours.schedule.iterations == 1_000_000


def test_what_differs_from_places2_is_told_and_not_refused(started, capsys, tmp_path):
    write_photos(tmp_path / "data/places2/data_large")
    write_photos(tmp_path / "data/places2/val_large")
    text = told(capsys)
    assert "8 images, but train_large_places365standard.tar has 1,803,460" in text
    assert "8 images, but val_large.tar has 36,500" in text
    assert [config.data.train for config in started] == ["data/places2/data_large"]


def test_a_dry_run_trains_nothing(started, capsys, tmp_path):
    told(capsys, "--train", str(write_photos(tmp_path / "photos")), "--dry_run")
    assert started == []


def test_every_milestone_has_a_source_and_ours_are_those_of_the_log():
    found = milestones()
    assert all(milestone.source and milestone.what for milestone in found)
    lines = map(json.loads, (SHIPPED[DEMO_SMALL] / "metrics.jsonl").read_text().splitlines())
    last = [line for line in lines if line["type"] == "validate"][-1]
    assert any(
        milestone.when == f"{last['iter']:,}" and f"{last['hole_l1']:.4f}" in milestone.what
        for milestone in found
    )
