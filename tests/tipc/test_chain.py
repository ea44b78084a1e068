# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The contest's chain: what the runner does with a configuration, and that ours work with it."""

import os
import runpy
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ppdeepfill.cli import main
from ppdeepfill.deployment import exporting
from ppdeepfill.evaluation import compare as comparison
from ppdeepfill.evaluation import settings as comparison_settings
from ppdeepfill.training import trainer

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / "test_tipc/configs").glob("*/train_infer_python.txt"))
LITE = "lite_train_lite_infer"
STANDIN = """\
#!/usr/bin/env bash
# Stands in for Python: notes its arguments, and fails where they hold the word in FAILS.
case "$*" in
    *device_count*) echo "$GPUS" ;;
    *) echo "${CUDA_VISIBLE_DEVICES:+CUDA_VISIBLE_DEVICES=$CUDA_VISIBLE_DEVICES }$*" >> commands
       [[ -z "$FAILS" || "$*" != *"$FAILS"* ]] ;;
esac
"""


@pytest.fixture
def checkout(tmp_path):
    """A checkout in which test_tipc/ may be changed."""
    for name in ("train.py", "eval.py", "export.py", "deploy", "configs", "ppdeepfill"):
        (tmp_path / name).symlink_to(ROOT / name)
    ignored = shutil.ignore_patterns("data", "output", "__pycache__")
    shutil.copytree(ROOT / "test_tipc", tmp_path / "test_tipc", ignore=ignored)
    standin = tmp_path / "standin"
    standin.write_text(STANDIN)
    standin.chmod(standin.stat().st_mode | stat.S_IXUSR)
    return tmp_path


def set_lines(config: Path, lines: dict[int, str]) -> None:
    """Change lines of a configuration, counted from 1."""
    text = config.read_text("utf-8").splitlines()
    for number, line in lines.items():
        text[number - 1] = line
    config.write_text("\n".join(text) + "\n", "utf-8")


def run(checkout: Path, script: str, method: str, mode: str, **environment: str):
    """Run prepare.sh or the runner from another folder; output and errors together."""
    return subprocess.run(
        ["bash", checkout / "test_tipc" / script, config_of(checkout, method), mode],
        cwd=checkout,
        env=os.environ | {"GPUS": "0", "FAILS": "", "OMP_NUM_THREADS": "1"} | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def config_of(checkout: Path, method: str) -> Path:
    return checkout / "test_tipc/configs" / method / "train_infer_python.txt"


def run_standin(checkout: Path, method: str = "deepfill_v1", mode: str = LITE, **environment: str):
    """The runner's result, and the commands that it gave to Python."""
    set_lines(config_of(checkout, method), {3: f"python:{checkout / 'standin'}"})
    (checkout / "test_tipc/data/val").mkdir(parents=True, exist_ok=True)
    done = run(checkout, "test_train_inference_python.sh", method, mode, **environment)
    record = checkout / "commands"
    return done, record.read_text().splitlines() if record.exists() else []


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.parent.name)
@pytest.mark.parametrize("mode", [LITE, "whole_infer"])
def test_our_programs_understand_what_the_runner_gives_them(config, mode, checkout, monkeypatch):
    done, commands = run_standin(checkout, config.parent.name, mode)
    assert done.returncode == 0, done.stdout
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(trainer, "Trainer", _NoTrainer)
    monkeypatch.setattr(exporting, "export_model", lambda *_, **__: None)
    monkeypatch.setattr(comparison, "compare", lambda settings: None)
    monkeypatch.setattr(comparison_settings, "_sizes_trained_with", lambda _: {})
    parse = runpy.run_path("deploy/python/infer.py")["parse"]
    for script, *arguments in (command.split() for command in commands):
        if script == "deploy/python/infer.py":
            assert parse(arguments).save_dir.parent.is_relative_to("test_tipc/output")
        elif script != "test_tipc/compare_results.py":
            verb = {"train.py": "train", "eval.py": "test", "export.py": "export"}[script]
            assert main([verb, *arguments]) == 0
    assert (mode == LITE) == any(command.startswith("train.py") for command in commands)


class _NoTrainer:
    def __init__(self, config):
        assert config.output_dir.startswith("test_tipc/output/")

    def fit(self) -> None: ...


def test_every_command_is_noted_with_the_contest_s_words(checkout):
    done, commands = run_standin(checkout)
    log = checkout / f"test_tipc/output/deepfill_v1/{LITE}/results_python.log"
    succeeded = [line for line in log.read_text().splitlines() if line.startswith("Run")]
    assert len(succeeded) == len(commands) == 1 + 1 + 1 + 8 + 1
    for line, command in zip(succeeded, commands, strict=True):
        assert line in done.stdout
        unquoted = line.replace("'", "")
        assert unquoted == f"Run successfully with command - {checkout}/standin {command}!"


def test_every_way_of_inference_keeps_its_own_pictures(checkout):
    _, commands = run_standin(checkout)
    folders = [c.split("--save_dir=")[1] for c in commands if c.startswith("deploy/")]
    assert len(set(folders)) == len(folders) == 8


@pytest.mark.parametrize(
    ("fails", "left"),
    [("train.py", 1), ("eval.py", 12), ("export.py", 3), ("--cpu_threads=2", 12), ("compare", 12)],
)
def test_a_failing_command_fails_the_chain(fails, left, checkout):
    done, commands = run_standin(checkout, FAILS=fails)
    assert done.returncode == 1
    assert f"Run failed with command - {checkout}/standin" in done.stdout
    assert len(commands) == left  # what needs the result of the failed one does not run


def test_rows_that_need_a_gpu_are_skipped_with_a_word(checkout):
    done, commands = run_standin(checkout)
    assert done.returncode == 0
    assert "Skipped: training on GPU 0,1, PaddlePaddle sees 0 GPUs here" in done.stdout
    assert "Skipped: inference in fp16 on the device gpu, PaddlePaddle sees no GPU" in done.stdout
    assert not [command for command in commands if "=gpu" in command or "CUDA" in command]


def test_rows_that_need_a_gpu_run_where_there_are_two(checkout):
    done, commands = run_standin(checkout, GPUS="2")
    trainings = [command for command in commands if "train.py" in command]
    assert len(trainings) == 3
    assert trainings[1].startswith("CUDA_VISIBLE_DEVICES=0 train.py")
    assert trainings[2].startswith("-m paddle.distributed.launch --gpus=0,1")
    assert [c for c in commands if "--device=gpu --use_trt=False --precision=fp16" in c]
    assert done.returncode == 0


def test_a_chain_in_which_nothing_can_run_fails(checkout):
    set_lines(config_of(checkout, "deepfill_v1"), {4: "gpu_list:0"})
    done, commands = run_standin(checkout)
    assert done.returncode == 1
    assert not commands


@pytest.mark.parametrize(
    ("lines", "mode", "message"),
    [
        ({}, "lite_train", "unknown mode lite_train; known ones: lite_train_lite_infer"),
        ({7: "--iters:whole_train_whole_infer=9"}, LITE, "line 7 has no value for lite_train"),
        ({2: "model_name:../x"}, LITE, "line 2: model_name must be a plain name"),
        ({51: "null:null\nnull:null"}, LITE, "has 52 lines; a configuration has 51"),
    ],
)
def test_a_mistake_is_answered_before_anything_runs(lines, mode, message, checkout):
    set_lines(config_of(checkout, "deepfill_v1"), lines)
    done, commands = run_standin(checkout, mode=mode)
    assert done.returncode == 2
    assert message in done.stdout
    assert not commands


def test_the_runner_asks_for_prepared_images(checkout):
    done = run(checkout, "test_train_inference_python.sh", "deepfill_v1", LITE)
    assert done.returncode == 2
    assert "run: bash test_tipc/prepare.sh" in done.stdout


# What makes a method small, at the end of line 16.
SMALL = "data.image_size=64 mask.size=32 mask.max_shrink=8 data.workers=0 data.validation_images=1"
SMALL += " network.options.base_channels=4"
SMALLER = {
    "deepfill_v1": "objective.options.critic_channels=4",
    "deepfill_v1_torch": "objective.options.critic_channels=4",
    "glcic": "objective.options.critic_channels=4 objective.options.local_layers=3"
    " objective.options.global_layers=4",
    "partial_unet": "network.options.levels=5",
    "rfr": "network.options.recurrences=2",
    "semantic_guidance": "network.options.attention_grid=16",
    "shift_net": "network.options.levels=5",
}
SLOW = sorted(SMALLER.keys() - {"deepfill_v1"})


def test_every_method_has_a_small_form():
    assert SMALLER.keys() == {config.parent.name for config in CONFIGS}


@pytest.mark.parametrize(
    "method", ["deepfill_v1", *(pytest.param(method, marks=pytest.mark.slow) for method in SLOW)]
)
def test_the_chain_runs_at_its_smallest(method, checkout):
    config = config_of(checkout, method)
    training = config.read_text("utf-8").splitlines()[15]
    smallest = {
        3: f"python:{sys.executable}",
        4: "gpu_list:-1",
        16: f"{training} {SMALL} {SMALLER[method]}",
        24: "eval:eval.py --images=test_tipc/data/val --num_images=1",
        41: "--device:cpu",
        43: "--cpu_threads:1",
        44: "--batch_size:3",
        46: "--precision:fp32",
    }
    set_lines(config, smallest)
    prepared = run(checkout, "prepare.sh", method, LITE)
    assert prepared.returncode == 0, prepared.stdout
    done = run(checkout, "test_train_inference_python.sh", method, LITE)
    assert done.returncode == 0, done.stdout
    assert "6 commands ran, 0 failed, 0 rows skipped" in done.stdout
    assert "2 runs of 9 pictures agree with" in done.stdout
    assert "avg_batch_cost" in done.stdout
