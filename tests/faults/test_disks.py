# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Disks that are full or read-only, and folders that another command is using.

A full disk is a small tmpfs, which only root can mount. tests/kills.py also stops commands at every
byte of their files, which needs no root.
"""

import os
import subprocess
import sys
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

from ppdeepfill.cli import main
from ppdeepfill.training.trainer import Trainer
from ppdeepfill.weights.checkpoint import checkpoint_folders, read_checkpoint

ROOT = Path(__file__).resolve().parents[2]
SHIFT_NET = {
    "network": {"name": "shift_net", "options": {"base_channels": 2, "levels": 4}},
    "objective": {"name": "shift_net", "options": {"critic_channels": 2}},
}

# Each writes below `disk`.
COMMANDS = {
    "train": "train --config train.yaml --save_dir disk/run",
    "predict": "predict --model_path new --image_path photos --mask_path masks --save_dir disk/out",
    "test": "test --methods mean_fill --images photos --image_size 32 --hole_size 16 "
    "--save_dir disk/report --device cpu",
    "export": "export --model_path new --save_dir disk/exported --input_shape 1 3 32 32",
    "convert": "convert --from paddle new disk/converted.pdparams",
    "ablate": "ablate ablate.yaml --save_dir disk/ablation --num_images 2 --device cpu",
}


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """The current folder, with the inputs of all commands and an empty folder `disk`."""
    monkeypatch.chdir(tmp_path)
    photos = write_photos(tmp_path / "photos", count=4)
    (tmp_path / "masks").mkdir()
    (tmp_path / "disk").mkdir()
    mask = np.zeros([40, 48], np.uint8)
    mask[8:24, 8:24] = 255
    for photo in photos.iterdir():
        cv2.imwrite(f"masks/{photo.name}", mask)
    save_small_network(tmp_path / "new")
    changes = {"data__validation": "photos", "data__validation_images": 2}
    config = small_config("photos", "unused", schedule__checkpoint_every=1, **changes)
    (tmp_path / "train.yaml").write_text(config.to_yaml())
    config = small_config("photos", "unused", schedule__iterations=2, **SHIFT_NET, **changes)
    (tmp_path / "ablate.yaml").write_text(config.to_yaml())
    return tmp_path


def run(command: str, capsys) -> tuple[int, str]:
    """Status, and what it says about an error."""
    capsys.readouterr()
    status = main(COMMANDS[command].split())
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return status, said


@pytest.fixture
def small_disk(place):
    """Makes `disk` a disk of so many bytes; called again, it changes their number."""
    disk, mounted = place / "disk", []

    def mount(size: int) -> Path:
        options = f"size={size}" if not mounted else f"remount,size={size}"
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("only root can mount a small disk")
        mounted.append(disk)
        return disk

    yield mount
    if mounted:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def files_below(folder: Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_training_on_a_full_disk_ends_with_a_message_and_continues(
    place, small_disk, capsys, share
):
    assert run("train", capsys)[0] == 0
    whole = (place / "disk" / "run").rename(place / "whole")
    size = sum(path.stat().st_size for path in whole.rglob("*") if path.is_file())
    disk = small_disk(int(share * size))
    status, said = run("train", capsys)
    assert status == 2
    assert "No space left on device" in said and "run the same command" in said
    assert not list(disk.rglob(".partial*"))
    for folder in checkpoint_folders(disk / "run"):
        read_checkpoint(folder)
    small_disk(3 * size)
    assert run("train", capsys)[0] == 0
    assert read_checkpoints(disk / "run") == read_checkpoints(whole)
    assert read_metrics(disk / "run") == read_metrics(whole)
    pictures = [files_below(run / "images") for run in (disk / "run", whole)]
    assert pictures[0] == pictures[1]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(c, marks=pytest.mark.slow if c in ("ablate", "export") else ())
        for c in COMMANDS
    ],
)
def test_a_full_disk_is_named_and_earlier_results_stay(place, small_disk, capsys, command):
    disk = small_disk(60 << 20)
    if command not in ("convert", "train", "ablate"):  # which would have nothing to do
        assert run(command, capsys)[0] == 0
    before = files_below(disk)
    filler = disk / "filler"
    with filler.open("wb") as file:
        file.write(bytes(os.statvfs(disk).f_frsize * os.statvfs(disk).f_bfree))
    status, said = run(command, capsys)
    assert status in (1, 2)  # 1 for an ablation whose runs failed
    if command != "ablate":
        assert "No space left on device" in said or "cut short by a full disk" in said
    kept = files_below(disk)
    assert not [name for name in kept if ".partial" in name]
    assert {name: kept[name] for name in before} == before
    filler.unlink()
    assert run(command, capsys)[0] == 0


@contextmanager
def read_only(folder: Path):
    """A folder that cannot be written to, even by root where it can mount."""
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield
        folder.chmod(0o755)
        return
    subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs the permissions of POSIX")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_read_only_folder_is_refused_before_anything_is_computed(
    place, capsys, command, monkeypatch
):
    monkeypatch.setattr(Trainer, "step", lambda self: pytest.fail("trained in vain"))
    try:
        with read_only(place / "disk"):
            status, said = run(command, capsys)
    except subprocess.CalledProcessError:
        pytest.skip("this root cannot mount")
    assert status == 2
    assert "Read-only file system" in said or "Permission denied" in said
    assert not list((place / "disk").iterdir())


# Holds a lock as another command does.
HOLDER = """
import fcntl, sys
with open(sys.argv[1], "w") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.readline()
"""

LOCKS = {
    "train": "disk/run/.lock",
    "predict": "disk/out/.partial-lock-0.png",
    "test": "disk/report/.lock",
    "export": "disk/.partial-lock-exported",
    "convert": "disk/.partial-lock-converted.pdparams",
    "ablate": "disk/ablation/.lock",
}


@pytest.mark.skipif(sys.platform == "win32", reason="there are no locks")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_in_use_is_refused(place, capsys, command):
    lock = place / LOCKS[command]
    lock.parent.mkdir(exist_ok=True)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], **pipes) as holder:
        assert holder.stdout.readline() == "held\n"
        status, said = run(command, capsys)
        assert status == 2
        assert "another run is writing to" in said or "another command is writing" in said
        assert set(files_below(place / "disk")) == {str(lock.relative_to(place / "disk"))}
        holder.communicate("\n")
