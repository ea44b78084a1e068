# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_run import read_checkpoints, read_metrics, small_config, write_photos

from ppdeepfill.weights.checkpoint import checkpoint_folders

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = "-m paddle.distributed.launch --nproc_per_node 2 --backend gloo".split()
SECONDS = 200  # more is a hang, even on a busy machine; the launcher itself waits for 12


def processes_of(launcher: int) -> dict[int, int]:
    """Rank -> process number."""
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    ranks = {}
    for child in children:
        for setting in Path(f"/proc/{child}/environ").read_bytes().split(b"\0"):
            if setting.startswith(b"PADDLE_TRAINER_ID="):
                ranks[int(setting.partition(b"=")[2])] = int(child)
    return ranks


def wait_for_another_checkpoint(run: subprocess.Popen, output_dir: Path) -> None:
    before = checkpoint_folders(output_dir)
    while checkpoint_folders(output_dir) == before:
        assert run.poll() is None, run.communicate()[0]
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")
def test_a_killed_process_ends_the_others_and_the_next_start_continues(tmp_path):
    photos = write_photos(tmp_path / "photos")
    config = small_config(photos, "run", schedule__iterations=30, schedule__checkpoint_every=1)
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    command = [sys.executable, *LAUNCHER, str(ROOT / "train.py"), "--config", "../config.yaml"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
    options = {"env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}

    for victim in (1, 0):
        run = subprocess.Popen(command, cwd=parts, text=True, **options)
        wait_for_another_checkpoint(run, parts / "run")
        ranks = processes_of(run.pid)
        os.kill(ranks[victim], signal.SIGKILL)
        output, _ = run.communicate(timeout=SECONDS)
        assert run.returncode != 0
        assert not Path(f"/proc/{ranks[1 - victim]}").exists()
        survivor = (parts / "log" / f"workerlog.{1 - victim}").read_text()
        assert f"ppdeepfill: error: process {1 - victim} " in survivor
        assert "same command" in survivor
        assert "Traceback" not in survivor + output

    for folder in (parts, whole):
        subprocess.run(command, cwd=folder, check=True, timeout=SECONDS, **options)
    assert read_checkpoints(parts / "run") == read_checkpoints(whole / "run")
    assert read_metrics(parts / "run") == read_metrics(whole / "run")
