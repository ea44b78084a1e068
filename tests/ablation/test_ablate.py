# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import csv
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_run import read_checkpoints, read_metrics

from ppdeepfill.config import load_config
from ppdeepfill.drawing.curves import draw_curves, read_entries
from ppdeepfill.errors import UserError
from ppdeepfill.evaluation.report.statistics import difference, estimate
from ppdeepfill.training.trainer import Trainer
from ppdeepfill.weights.checkpoint import newest_checkpoint

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "ablation.csv",
    "ablation.json",
    "ablation.md",
    "ablation.txt",
    "curves.html",
    "curves.png",
    "pictures.png",
}


def outcome_in(folder: Path) -> dict:
    return json.loads((folder / "ablation.json").read_text(encoding="utf-8"))


def scores_in(folder: Path, method: str, metric: str) -> np.ndarray:
    """Of every image, from the report of the test."""
    with (folder / "test/per_image.csv").open(encoding="utf-8") as file:
        return np.array([float(r[metric]) for r in csv.DictReader(file) if r["method"] == method])


def no_training(monkeypatch):
    monkeypatch.setattr(Trainer, "step", lambda self: pytest.fail("trained again"))


def test_configurations_seeds_and_baselines_stand_in_one_table(folder, two_configs, ablate):
    assert ablate(*two_configs, "--seeds", 1, 2, "--methods", "telea") == 0
    assert {path.name for path in (folder / "ab").iterdir() if path.is_file()} - {".lock"} == FILES
    outcome = outcome_in(folder / "ab")
    assert list(outcome["means"]) == ["one", "two", "telea"]
    of_seeds = {
        name: [scores_in(folder / "ab", f"{name}, seed {seed}", "psnr") for seed in (1, 2)]
        for name in ("one", "two")
    }
    joined = {name: np.mean(columns, axis=0) for name, columns in of_seeds.items()}
    joined["telea"] = scores_in(folder / "ab", "telea", "psnr")
    for name, values in joined.items():
        assert outcome["means"][name]["psnr"]["mean"] == pytest.approx(values.mean())
        assert outcome["means"][name]["psnr"]["margin"] == pytest.approx(estimate(values).margin)
    pairs = {(p["first"], p["second"]): p for p in outcome["pairs"] if p["metric"] == "psnr"}
    assert list(pairs) == [("one", "two"), ("one", "telea"), ("two", "telea")]
    expected = difference(joined["two"], joined["telea"])
    assert pairs["two", "telea"]["p_value"] == expected.p_value
    assert pairs["two", "telea"]["difference"]["mean"] == pytest.approx(expected.estimate.mean)
    spread = outcome["over_seeds"]["one"]["psnr"]
    means = [values.mean() for values in of_seeds["one"]]
    assert [spread["lowest"], spread["highest"]] == pytest.approx(sorted(means))
    assert spread["standard_deviation"] == pytest.approx(np.std(means, ddof=1))


def test_text_markdown_and_csv_say_the_same(folder, two_configs, ablate):
    assert ablate(*two_configs, "--methods", "mean_fill") == 0
    outcome = outcome_in(folder / "ab")
    means = outcome["means"]
    with (folder / "ab/ablation.csv").open(encoding="utf-8") as file:
        rows = {row["method"]: row for row in csv.DictReader(file)}
    for name, row in rows.items():
        assert float(row["hole_l1"]) == means[name]["hole_l1"]["mean"]
        assert float(row["psnr_margin"]) == means[name]["psnr"]["margin"]
    assert [row["iterations"] for row in rows.values()] == ["4.0", "4.0", ""]
    assert [row["seeds"] for row in rows.values()] == ["1", "1", ""]
    shown = f"{means['two']['psnr']['mean']:.2f}"
    assert shown in (folder / "ab/ablation.txt").read_text(encoding="utf-8")
    page = (folder / "ab/ablation.md").read_text(encoding="utf-8")
    best = max(means, key=lambda name: means[name]["psnr"]["mean"])
    (row,) = re.findall(rf"^\| {best} \|.*", page, re.M)[:1]
    assert f"**{means[best]['psnr']['mean']:.2f} ±" in row
    head = re.findall(r"^\| (.*) \|$", page, re.M)[0].split(" | ")
    assert head[:5] == ["method", "weights", "iterations", "minutes", "hole_l1 ↓"]
    assert row.count("|") == len(head) + 1


def test_a_run_is_that_of_the_trainer_alone(folder, two_configs, ablate):
    assert ablate(*two_configs, "--iterations", 3, "--seeds", 5) == 0
    overrides = ["seed=5", "output_dir=alone", "schedule.iterations=3", "device=cpu"]
    Trainer(load_config("two.yaml", overrides)).fit()
    alone = newest_checkpoint(Path("alone")).checkpoint
    found = newest_checkpoint(Path("ab/runs/two/seed_5")).checkpoint
    assert found.generator.iteration == alone.generator.iteration == 3
    for name, array in alone.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array)


def test_what_is_done_is_not_repeated(folder, two_configs, ablate, monkeypatch):
    assert ablate(*two_configs) == 0
    before = outcome_in(folder / "ab")
    no_training(monkeypatch)
    assert ablate(*two_configs) == 0
    assert outcome_in(folder / "ab") == before


def test_an_ablation_that_broke_off_ends_as_one_that_did_not(
    folder, two_configs, ablate, monkeypatch
):
    arguments = [*two_configs, "--iterations", 6, "-o", "schedule.checkpoint_every=2"]
    assert ablate(*arguments) == 0
    whole = (folder / "ab").rename(folder / "whole")
    step, steps = Trainer.step, []

    def step_or_break(self):
        steps.append(self.config.output_dir)
        if len(steps) == 4 + 6 + 4:  # two for the time of each, the first run, half of the second
            raise ConnectionError("as if the process were gone")
        return step(self)

    monkeypatch.setattr(Trainer, "step", step_or_break)
    with pytest.raises(ConnectionError):
        ablate(*arguments)
    steps.clear()
    monkeypatch.setattr(Trainer, "step", lambda self: steps.append(self.iteration) or step(self))
    assert ablate(*arguments) == 0
    assert steps == [0, 1, 3, 4, 5]  # two for the time; then the second run from its checkpoint
    for run in ("one", "two"):
        broken, one = folder / f"ab/runs/{run}/seed_2018", whole / f"runs/{run}/seed_2018"
        assert read_checkpoints(broken) == read_checkpoints(one)
        assert read_metrics(broken) == read_metrics(one)


@pytest.mark.slow
def test_a_killed_ablation_ends_as_one_that_was_not(folder, two_configs):
    """kill -9 in the middle of the second run."""
    command = [sys.executable, "-m", "ppdeepfill.cli", "ablate", "../one.yaml", "../two.yaml"]
    command += ["--iterations", "200", "--device", "cpu", "--save_dir", "ab", "--num_images", "3"]
    command += ["-o", "schedule.checkpoint_every=2", "schedule.validate_every=50"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1"}
    options = {"env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    for name in ("whole", "parts"):
        (folder / name).mkdir()
    second = folder / "parts/ab/runs/two/seed_2018/checkpoints"
    process = subprocess.Popen(command, cwd=folder / "parts", **options)
    while not any(second.glob("iter_*")):
        assert process.poll() is None, process.communicate()[0].decode()
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert not (second / "iter_00000200").exists()
    first = folder / "parts/ab/runs/one/seed_2018/checkpoints/iter_00000200/generator.safetensors"
    written = first.stat().st_mtime_ns
    for name in ("whole", "parts"):
        found = subprocess.run(command, cwd=folder / name, **options)
        assert found.returncode == 0, found.stdout.decode()
    assert first.stat().st_mtime_ns == written
    for run in ("one", "two"):
        whole, parts = (folder / n / f"ab/runs/{run}/seed_2018" for n in ("whole", "parts"))
        assert read_checkpoints(parts) == read_checkpoints(whole)
        assert read_metrics(parts) == read_metrics(whole)
    whole, parts = (outcome_in(folder / name / "ab") for name in ("whole", "parts"))
    assert parts["means"] == whole["means"]


def test_a_larger_budget_goes_on_from_the_smaller(folder, two_configs, ablate, refusal):
    assert ablate(*two_configs, "--iterations", 2) == 0
    assert ablate(*two_configs, "--iterations", 4) == 0
    assert [run["iterations"] for run in outcome_in(folder / "ab")["runs"]] == [4, 4]
    assert ablate("two.yaml", "-o", "output_dir=x") == 2
    assert "was trained for 4 iterations, more than 3" in refusal(*two_configs, "--iterations", 3)


def test_a_dry_run_says_what_is_done_and_writes_nothing(folder, two_configs, ablate, capsys):
    assert ablate(*two_configs, "--dry_run") == 0
    assert not (folder / "ab").exists()
    text = capsys.readouterr().out
    assert "2 runs of 4 iterations each" in text
    assert re.search(r"^one +not begun +\d", text, re.M)
    assert ablate("one.yaml") == 0
    before = sorted((folder / "ab").rglob("*"))
    capsys.readouterr()
    assert ablate(*two_configs, "--dry_run") == 0
    text = capsys.readouterr().out
    assert re.search(r"^one +done, 4 iterations +- +-", text, re.M)
    assert re.search(r"^two +not begun", text, re.M)
    assert sorted((folder / "ab").rglob("*")) == before


def test_a_run_that_fails_costs_the_others_nothing(
    folder, two_configs, ablate, monkeypatch, capsys
):
    fit = Trainer.fit

    def fit_or_fail(self):
        if self.config.optimizer.learning_rate == 0.01:
            raise UserError("the loss is not finite")
        fit(self)

    monkeypatch.setattr(Trainer, "fit", fit_or_fail)
    assert ablate(*two_configs) == 1
    assert "1 of 2 runs failed: one" in capsys.readouterr().err
    outcome = outcome_in(folder / "ab")
    assert list(outcome["means"]) == ["two"]
    assert outcome["failed"] == {"one": "the loss is not finite"}
    assert "one failed and is missing: the loss is not finite" in (
        folder / "ab/ablation.txt"
    ).read_text(encoding="utf-8")
    monkeypatch.setattr(Trainer, "fit", fit)
    assert ablate(*two_configs) == 0
    assert list(outcome_in(folder / "ab")["means"]) == ["one", "two"]


def test_the_sheet_has_a_column_for_each_method(folder, two_configs, ablate):
    assert ablate(*two_configs, "--methods", "telea", "--seeds", 1, 2) == 0
    sheet = cv2.imread("ab/pictures.png")
    columns, images, gap, side = 5, 3, 4, 128
    assert sheet.shape[1] == columns * side + (columns - 1) * gap
    heading = sheet.shape[0] - (images * side + (images - 1) * gap)
    left = sheet[heading:, :side]
    truth = sheet[heading:, -side:]
    assert (left == 255).all(axis=2).mean() > 0.2  # the holes
    assert (left == truth).all(axis=2).mean() > 0.7  # all else


def test_curves_of_a_configuration_share_a_colour(folder, two_configs, ablate, monkeypatch):
    given = []
    monkeypatch.setattr(
        "ppdeepfill.ablation.report.draw_curves",
        lambda curves, by: given.append((curves, by)) or draw_curves(curves, by=by),
    )
    assert ablate(*two_configs, "--seeds", 1, 2) == 0
    ((curves, by),) = given
    assert [curve.group for curve in curves] == ["one", "one", "two", "two"]
    assert [curve.label for curve in curves][:2] == ["one, seed 1", "one, seed 2"]
    assert by == "iter"
    assert curves[0].entries == read_entries(folder / "ab/runs/one/seed_1")
    assert cv2.imread("ab/curves.png").ndim == 3


def test_runs_have_enough_points_for_a_curve(folder, two_configs, ablate):
    assert ablate("one.yaml", "--iterations", 20, "-o", "schedule.validate_every=100") == 0
    entries = read_metrics(folder / "ab/runs/one/seed_2018")
    assert [e["iter"] for e in entries if e["type"] == "validate"] == list(range(1, 21))
