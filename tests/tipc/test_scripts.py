# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The contest's shell scripts hand their arguments on, from any folder, and report failure."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = {"train": "train.py", "eval": "eval.py", "export": "export.py", "infer": "predict.py"}


def run(script: str, *arguments: str, folder: Path, status: int = 0) -> tuple[int, list[str]]:
    """Exit status of a script, and the commands that it gave to Python."""
    standin = folder / "python"
    standin.write_text(f'#!/usr/bin/env bash\necho "$PWD $*" >> {folder}/commands\nexit {status}\n')
    standin.chmod(0o755)
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", ROOT / "scripts" / f"{script}.sh", *arguments], cwd=folder, env=environment
    )
    return done.returncode, (folder / "commands").read_text().splitlines()


def test_every_script_is_known():
    assert {path.stem for path in (ROOT / "scripts").iterdir()} == PROGRAMS.keys()


@pytest.mark.parametrize("script", PROGRAMS)
def test_a_script_hands_its_arguments_on(script, tmp_path):
    status, commands = run(script, "--save_dir=a b", folder=tmp_path)
    assert status == 0
    assert commands == [f"{ROOT} {PROGRAMS[script]} --save_dir=a b"]


@pytest.mark.parametrize("script", PROGRAMS)
def test_a_script_fails_with_its_program(script, tmp_path):
    assert run(script, folder=tmp_path, status=2)[0] == 2


def test_infer_without_arguments_fills_the_small_data_set(tmp_path):
    _, commands = run("infer", folder=tmp_path)
    made, filled = commands
    assert made == f"{ROOT} test_tipc/lite_data.py output/lite_data"
    assert "--image_path=output/lite_data/val --mask_path=output/lite_data/mask.png" in filled
