# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_run import read_checkpoints, read_metrics, small_config, write_labels

from ppdeepfill.errors import CheckpointError
from ppdeepfill.networks.attention.choice import ATTENTIONS
from ppdeepfill.training.trainer import Trainer
from ppdeepfill.weights.checkpoint import read_checkpoint
from ppdeepfill.weights.generator_file import read_generator

ROOT = Path(__file__).resolve().parents[2]
# With the threads of this process: their number changes how sums are rounded.
TRAIN = """
import logging, sys
from ppdeepfill.config import load_config
from ppdeepfill.training.trainer import Trainer
logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s", force=True)
logging.getLogger("ppdeepfill").setLevel(logging.INFO)
Trainer(load_config(sys.argv[1])).fit()
"""
ATTENTION_ALTERNATIVES = [name for name in ATTENTIONS if name != "contextual"]


def fit_until(trainer, iteration, signal_number):
    """Train; the process gets a signal while it works at that iteration."""
    step = trainer.step

    def step_with_signal():
        if trainer.iteration + 1 == iteration:
            signal.raise_signal(signal_number)
        return step()

    trainer.step = step_with_signal
    trainer.fit()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"objective__options__share_last_batch": True},
        {
            "schedule__average": 0.9,
            "data__accumulate": 2,
            "data__max_crop_scale": 1.2,
            "mask__kind": "mixed",
            "optimizer__schedule": {"kind": "cosine", "warmup": 2},
            "optimizer__phases": {"critic": {"name": "adadelta", "learning_rate": 0.1}},
        },
        {
            "network": {"name": "glcic", "options": {"base_channels": 2}},
            "objective": {
                "name": "glcic",
                "options": {
                    "completion_iterations": 2,
                    "critic_iterations": 1,
                    "critic_channels": 2,
                    "global_layers": 5,
                    "local_layers": 4,
                },
            },
            "optimizer": {"name": "adadelta", "learning_rate": 1.0, "epsilon": 1e-6},
        },
        {
            "network": {"name": "shift_net", "options": {"base_channels": 2, "levels": 4}},
            "objective": {"name": "shift_net", "options": {"critic_channels": 2}},
        },
        {
            "network": {"name": "rfr", "options": {"base_channels": 2, "recurrences": 2}},
            "objective": {
                "name": "perceptual",
                "options": {"vgg_weights": "random", "fine_tuning_from": 3},
            },
            "optimizer__phases": {"fine_tuning": {"learning_rate": 5e-5}},
            "schedule__average": 0.9,
        },
        {
            "network": {"name": "partial_unet", "options": {"base_channels": 2, "levels": 4}},
            "objective": {
                "name": "perceptual",
                "options": {
                    "perceptual_weight": 0.0,
                    "style_weight": 0.0,
                    "fine_tuning_from": 3,
                    "frozen": "encoder",
                },
            },
        },
        {
            "network": {
                "name": "semantic_guidance",
                "options": {"base_channels": 2, "classes": 3, "attention_grid": 8},
            },
            "objective": {
                "name": "semantic_guidance",
                "options": {
                    "adversarial_weight": 0.1,
                    "critic_channels": 2,
                    "critic_layers": 2,
                    "critic_norm": "spectral",
                },
            },
            "data__labels": "../labels",
        },
        *(
            pytest.param(
                {"network__options": {"base_channels": 2, "attention": name, "attention_grid": 8}},
                marks=pytest.mark.slow,
            )
            for name in ATTENTION_ALTERNATIVES
        ),
    ],
    ids=[
        "plain",
        "shared-batch",
        "all-options",
        "glcic",
        "shift_net",
        "rfr",
        "partial_unet",
        "semantic_guidance",
        *ATTENTION_ALTERNATIVES,
    ],
)
def test_an_interrupted_run_ends_as_an_uninterrupted_one(photos, tmp_path, monkeypatch, changes):
    changes = {"data__validation": str(photos), "data__validation_images": 3} | changes
    config = small_config(photos, "run", **changes, schedule__log_every=3, schedule__iterations=5)
    write_labels(tmp_path / "labels", photos)
    for folder in ("whole", "parts"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "whole")
    Trainer(config).fit()
    monkeypatch.chdir(tmp_path / "parts")
    for iteration, number, status in [(2, signal.SIGINT, 130), (4, signal.SIGTERM, 143)]:
        with pytest.raises(SystemExit) as stop:
            fit_until(Trainer(config), iteration, number)
        assert stop.value.code == status
        assert f"iter_{iteration:08d}" in {f.name for f in Path("run/checkpoints").iterdir()}
    Trainer(config).fit()
    expected = read_checkpoints(tmp_path / "whole" / "run")
    assert expected == read_checkpoints("run")
    assert len(expected) == 7  # iterations 2, 4 and 5 with two files each, and the best model
    assert read_metrics(tmp_path / "whole" / "run") == read_metrics("run")


def test_measurements_beyond_the_checkpoint_are_dropped(photos, tmp_path):
    config = small_config(photos, tmp_path)
    Trainer(config).fit()
    whole = read_metrics(tmp_path)
    for file in (tmp_path / "checkpoints" / "iter_00000004").iterdir():
        file.unlink()  # as if it had never been written
    (tmp_path / "checkpoints" / "iter_00000004").rmdir()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"type": "tra')  # what a killed run may leave
    Trainer(config).fit()
    assert read_metrics(tmp_path) == whole
    assert [record["iter"] for record in whole] == [2, 4]


def test_a_complete_run_says_so_and_does_nothing(photos, tmp_path, messages):
    config = small_config(photos, tmp_path)
    Trainer(config).fit()
    before, log = read_checkpoints(tmp_path), read_metrics(tmp_path)
    messages.clear()
    Trainer(config).fit()
    assert read_checkpoints(tmp_path) == before
    assert read_metrics(tmp_path) == log
    assert "complete: 4 iterations" in messages.text
    assert "schedule.iterations=8" in messages.text


def test_what_a_run_killed_at_its_very_end_left_goes(photos, tmp_path):
    config = small_config(photos, tmp_path, schedule__keep_checkpoints=1)
    Trainer(config).fit()
    before = {path.name for path in tmp_path.rglob("*")}
    newest = tmp_path / "checkpoints" / "iter_00000004"
    shutil.copytree(newest, newest.with_name("iter_00000002"))
    shutil.copytree(newest, newest.with_name(".partial-iter_00000003"))
    (tmp_path / ".partial-lock-config.yaml").touch()
    Trainer(config).fit()
    assert {path.name for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("resume", ["auto", "run", "run/checkpoints/iter_00000002"])
def test_a_checkpoint_is_read_once(photos, tmp_path, monkeypatch, resume):
    monkeypatch.chdir(tmp_path)
    Trainer(small_config(photos, "run", schedule__iterations=2)).fit()
    read = []
    monkeypatch.setattr(
        "ppdeepfill.weights.checkpoint.read_generator",
        lambda path: read.append(path.parent.name) or read_generator(path),
    )
    Trainer(small_config(photos, "run", resume=resume, schedule__iterations=2)).fit()
    assert read == ["iter_00000002"]


def test_changed_settings_are_logged_on_resume(photos, tmp_path, messages):
    Trainer(small_config(photos, tmp_path)).fit()
    changes = {"optimizer__learning_rate": 5e-5, "schedule__iterations": 5}
    Trainer(small_config(photos, tmp_path, **changes)).fit()
    assert "optimizer.learning_rate: 0.0001 -> 5e-05" in messages.text
    assert "schedule.iterations: 4 -> 5" in messages.text
    assert (tmp_path / "checkpoints" / "iter_00000005").is_dir()


def test_an_average_may_be_switched_on_and_off(photos, tmp_path):
    """Whatever is released, training goes on from the weights themselves."""
    saved = None
    for average, iterations in [(None, 2), (0.5, 4), (None, 6)]:
        changes = {"schedule__average": average, "schedule__iterations": iterations}
        trainer = Trainer(small_config(photos, tmp_path, **changes))
        trainer.fit()
        before, saved = saved, read_checkpoint(trainer.saved)
        averaged = {name for name in saved.arrays if name.startswith("weights/")}
        assert bool(averaged) == (average is not None)
        assert before is None or before.generator.weights.keys() == saved.generator.weights.keys()
    plain = Trainer(small_config(photos, tmp_path / "plain", schedule__iterations=6))
    plain.fit()
    assert read_checkpoint(plain.saved).generator.weights.keys() == saved.generator.weights.keys()
    for name, array in read_checkpoint(plain.saved).generator.weights.items():
        assert (array == saved.generator.weights[name]).all(), name


def test_starts_that_would_mix_runs_are_refused(photos, tmp_path):
    Trainer(small_config(photos, tmp_path)).fit()
    before = read_checkpoints(tmp_path)
    older = str(tmp_path / "checkpoints" / "iter_00000002")
    for changes, words in [
        ({"resume": "none"}, "resume=auto"),
        ({"resume": older}, "checkpoints later"),
        ({"resume": str(tmp_path / "nowhere")}, "is not a checkpoint"),
        ({"network__name": "deepfill_v1_torch"}, "trained with network deepfill_v1,"),
        ({"network__options__base_channels": 8}, "network.options.base_channels was 4 and is 8"),
        ({"mask__size": 24}, "mask.size was .*16.* and is .*24.*; use the value"),
    ]:
        with pytest.raises(CheckpointError, match=words):
            Trainer(small_config(photos, tmp_path, **changes)).fit()
    assert read_checkpoints(tmp_path) == before


def test_critics_that_are_not_trained_any_more_stay_in_the_checkpoint(photos, tmp_path, messages):
    Trainer(small_config(photos, tmp_path)).fit()
    before = read_checkpoint(tmp_path / "checkpoints" / "iter_00000004").arrays
    changes = {"objective__options__adversarial_weight": 0, "schedule__iterations": 6}
    Trainer(small_config(photos, tmp_path, **changes)).fit()
    assert "arrays of the checkpoint are not trained any more, such as modules/critics" in (
        messages.text
    )
    after = read_checkpoint(tmp_path / "checkpoints" / "iter_00000006").arrays
    critics = [name for name in before if name.startswith("modules/critics/")]
    assert critics and all((after[name] == before[name]).all() for name in critics)
    Trainer(small_config(photos, tmp_path, schedule__iterations=7)).fit()
    assert "resumed from" in messages.text


def test_a_named_checkpoint_starts_a_run_elsewhere(photos, tmp_path):
    Trainer(small_config(photos, tmp_path / "first")).fit()
    folder = tmp_path / "first" / "checkpoints" / "iter_00000002"
    second = tmp_path / "second"
    Trainer(small_config(photos, second, resume=str(folder))).fit()
    first = read_checkpoint(tmp_path / "first" / "checkpoints" / "iter_00000004")
    again = read_checkpoint(second / "checkpoints" / "iter_00000004")
    assert all((first.arrays[name] == again.arrays[name]).all() for name in first.arrays)


@pytest.mark.slow  # tests/faults/test_kills.py kills some of the time too
def test_a_run_killed_at_random_moments_ends_as_an_uninterrupted_one(photos, tmp_path):
    changes = {"data__validation": str(photos), "data__validation_images": 3, "data__workers": 2}
    config = small_config(photos, "run", schedule__iterations=40, **changes)  # 3 s or more
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    command = [sys.executable, str(ROOT / "train.py"), "--config", str(tmp_path / "config.yaml")]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
    subprocess.run(command, cwd=whole, check=True, stdout=subprocess.DEVNULL)

    kills = 0
    for _ in range(3):
        run = subprocess.Popen(command, cwd=parts, stdout=subprocess.PIPE, text=True)
        for line in run.stdout:
            if line.startswith("[TRAIN]"):
                break
        time.sleep(random.uniform(0, 1.0))
        run.kill()
        kills += run.wait() == -signal.SIGKILL
        run.stdout.close()
    assert kills, "every run ended before it was killed"
    subprocess.run(command, cwd=parts, check=True, stdout=subprocess.DEVNULL)

    assert read_checkpoints(parts / "run") == read_checkpoints(whole / "run")
    assert read_metrics(parts / "run") == read_metrics(whole / "run")
    assert not list((parts / "run").rglob(".partial*"))


def children(pid):
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_run_whose_processes_all_get_sigterm_saves_and_stops(photos, tmp_path):
    """As from a cluster's scheduler, which sends it to the loader processes too."""
    config = small_config(photos, "run", schedule__iterations=20, data__workers=2)
    for folder in ("whole", "parts"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    run = subprocess.Popen(
        [sys.executable, "-c", TRAIN, str(tmp_path / "config.yaml")],
        cwd=tmp_path / "parts",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    for line in run.stdout:
        if "iter: 2/20" in line:
            break
    workers = children(run.pid)
    assert len(workers) == 2
    subprocess.run(["kill", "-TERM", *map(str, [*workers, run.pid])], check=True)
    output, errors = run.communicate(timeout=120)
    assert run.returncode == 143, output + errors
    assert "finishing this iteration, then saving" in errors
    assert "Traceback" not in errors and "SystemError" not in errors
    assert "run again to continue" in output
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    assert not [f for pid in workers for f in Path("/dev/shm").glob(f"paddle_{pid}_*")]

    for folder in ("whole", "parts"):  # as the killed one: threads are a setting of a process
        train(tmp_path / "config.yaml", tmp_path / folder)
    whole, parts = tmp_path / "whole" / "run", tmp_path / "parts" / "run"
    assert read_checkpoints(parts).items() >= read_checkpoints(whole).items()
    assert read_metrics(parts) == read_metrics(whole)


def train(config: Path, folder: Path, first: str = "", **environment: str) -> None:
    """Run TRAIN to its end in a process of its own."""
    subprocess.run(
        [sys.executable, "-c", first + TRAIN, str(config)],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


def test_processes_that_would_start_from_different_checkpoints_are_refused(
    photos, tmp_path, monkeypatch
):
    """Two machines, the other one without the folder of the run."""
    Trainer(small_config(photos, tmp_path)).fit()
    trainer = Trainer(small_config(photos, tmp_path, schedule__iterations=6))
    monkeypatch.setattr("ppdeepfill.parallel.gathered", lambda items: [*items, 0])
    with pytest.raises(CheckpointError, match=r"different iterations: 4, 0 .*all machines share"):
        trainer.resume()


@pytest.mark.skipif(sys.platform != "linux", reason="worker processes")
def test_equal_runs_are_equal_wherever_their_memory_lies(photos, tmp_path):
    """Another process, other addresses, a longer environment, another order of sets."""
    options = {"network__options": {"base_channels": 8}, "data__image_size": 64, "mask__size": 32}
    config = small_config(photos, "run", data__workers=2, **options)  # compiled convolutions too
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    junk = "import random; junk = [bytes(random.randrange(9000)) for _ in range(5000)]\n"
    changes = {"PYTHONHASHSEED": "7", "LONGER": "x" * 12345}
    train(tmp_path / "config.yaml", tmp_path / "here")
    train(tmp_path / "config.yaml", tmp_path / "there", junk, **changes)
    assert read_checkpoints(tmp_path / "here" / "run") == read_checkpoints(
        tmp_path / "there" / "run"
    )
