# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Two launchers on this machine stand for two machines; see docs/distributed.md."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_run import (
    read_checkpoints,
    read_metrics,
    save_small_network,
    small_config,
    write_photos,
)

from ppdeepfill.weights.checkpoint import read_checkpoint

ROOT = Path(__file__).resolve().parent.parent
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def children(pid):
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [child for word in text.split() for child in (int(word), *children(int(word)))]


def end(launcher):
    """Kill a launcher and what it has started, as if its machine had lost power."""
    if launcher.poll() is None:
        for pid in (launcher.pid, *children(launcher.pid)):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def two_machines(folder, *command):
    """Start a command in one process on each; their output goes to machine0.txt, machine1.txt."""
    launcher = [sys.executable, "-m", "paddle.distributed.launch"]
    launcher += ["--nnodes", "2", "--master", f"127.0.0.1:{free_port()}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    launchers = []
    try:
        for rank in range(2):
            node = ["--rank", str(rank), "--log_dir", f"log{rank}", str(ROOT / command[0])]
            with (folder / f"machine{rank}.txt").open("w") as output:
                launchers.append(
                    subprocess.Popen(
                        [*launcher, *node, *command[1:]],
                        cwd=folder,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                        env=environment,
                    )
                )
        yield launchers
    finally:
        for started in launchers:
            end(started)
            started.wait()


def run_on_two_machines(folder, *command):
    with two_machines(folder, *command) as launchers:
        statuses = [launcher.wait(timeout=300) for launcher in launchers]
    assert statuses == [0, 0], (folder / "machine0.txt").read_text()[-3000:]


def write_config(folder, photos, **changes):
    folder.mkdir()
    changes = {
        "data__batch_size": 4,
        "schedule__log_every": 1,
        "schedule__keep_checkpoints": 99,
    } | (changes)
    config = small_config(photos, "run", **changes)
    (folder / "config.yaml").write_text(config.to_yaml())
    return "train.py", "--config", "config.yaml"


def test_two_machines_train_as_one_process(tmp_path):
    photos = write_photos(tmp_path / "photos")
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        command = write_config(folder, photos, schedule__checkpoint_every=1)
    script, *arguments = command
    subprocess.run([sys.executable, str(ROOT / script), *arguments], cwd=one, check=True)
    run_on_two_machines(two, *command)
    first = "run/checkpoints/iter_00000001"
    expected, shared = (read_checkpoint(folder / first).arrays for folder in (one, two))
    assert expected.keys() == shared.keys()
    for name, array in expected.items():
        if "/moment1/" in name:  # the gradients, as in test_two_processes_train_as_one
            error = np.abs(shared[name] - array).max()
            assert error <= 2e-4 * np.abs(array).max() + 1e-8, name


def test_a_lost_machine_ends_the_run_and_the_next_start_continues_it(tmp_path):
    photos = write_photos(tmp_path / "photos")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        command = write_config(folder, photos, schedule__iterations=60)
    run_on_two_machines(whole, *command)

    with two_machines(parts, *command) as (first, second):
        limit = time.monotonic() + 200
        metrics = parts / "run" / "metrics.jsonl"
        while not (metrics.is_file() and len(read_metrics(parts / "run")) > 2):
            assert time.monotonic() < limit and first.poll() is None
            time.sleep(0.1)
        end(second)
        assert first.wait(timeout=60) != 0
    output = (parts / "machine0.txt").read_text()
    assert "process 0 of 2 got no answer" in output and "Traceback" not in output
    assert 0 < len(read_metrics(parts / "run")) < 60

    run_on_two_machines(parts, *command)
    assert read_checkpoints(parts / "run") == read_checkpoints(whole / "run")
    assert read_metrics(parts / "run") == read_metrics(whole / "run")


def test_machines_share_the_images_of_a_test_and_the_photos_of_predict(tmp_path):
    photos = write_photos(tmp_path / "photos", 5)
    mask = np.zeros([40, 48], np.uint8)
    mask[10:30, 12:36] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    (photos / "broken.png").write_bytes(b"")
    save_small_network(tmp_path / "network")
    model = ["--model_path", str(tmp_path / "network"), "--device", "cpu"]
    commands = {
        "test.py": ["--images", str(photos), "--methods", "mean_fill", "--save_dir", "report"],
        "predict.py": ["--image_path", str(photos), "--mask_path", str(tmp_path / "mask.png")]
        + ["--save_dir", "filled"],
    }
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    for script, arguments in commands.items():
        subprocess.run(
            [sys.executable, str(ROOT / script), *arguments, *model],
            cwd=tmp_path / "one",
            check=True,
        )
        run_on_two_machines(tmp_path / "two", script, *arguments, *model)

    one, two = (
        json.loads((tmp_path / f / "report/report.json").read_text()) for f in ("one", "two")
    )
    assert one["images"] == two["images"] and one["methods"] == two["methods"]
    filled = [
        {file.name: file.read_bytes() for file in (tmp_path / folder / "filled").iterdir()}
        for folder in ("one", "two")
    ]
    assert filled[0] == filled[1] and len(filled[0]) == 5
    logs = [(tmp_path / "two" / f"log{rank}" / "workerlog.0").read_text() for rank in range(2)]
    ours = [log.partition("of 6 photos")[2] for log in logs]  # behind what test.py printed
    assert [log.count("wrote filled/") for log in ours] == [3, 2]
    assert ["skipped: cannot read" in log for log in ours] == [False, True]
