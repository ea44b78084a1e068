# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The commands that `kills.py` kills: how they begin, what must always hold, and their results."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import yaml
from small_run import TIMES, save_small_network, small_config, write_photos

from ppdeepfill.evaluation.report import FILES
from ppdeepfill.photos import read_photo
from ppdeepfill.weights.checkpoint import (
    best_model,
    checkpoint_folders,
    newest_checkpoint,
    read_checkpoint,
)
from ppdeepfill.weights.generator_file import read_generator, sha256_of

OF_THE_CLOCK = {"log.txt", ".lock"}  # files that two runs never share
SMALL = {
    "network": {"name": "shift_net", "options": {"base_channels": 2, "levels": 4}},
    "objective": {"name": "shift_net", "options": {"critic_channels": 2}},
}


class Job(NamedTuple):
    """A command that runs in a folder of its own.

    Attributes:
        command: arguments of `ppdeepfill`; paths are relative to the folder.
        prepare: writes its inputs, and the result of an earlier command that it replaces.
        check: raises AssertionError if the folder is not in a state that a kill may leave.
        results: every file of its result by name, without what depends on the clock.
        kills: how often it is killed at most before it may end.
    """

    command: list[str]
    prepare: Callable[[Path], None]
    check: Callable[[Path], None]
    results: Callable[[Path], dict[str, bytes]]
    kills: int


def _training(**changes) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        photos = write_photos(folder / "photos")
        config = small_config(photos.name, "run", **_TRAINING, **changes)
        (folder / "config.yaml").write_text(config.to_yaml())

    return prepare


_TRAINING = {
    "data__validation": "photos",
    "data__validation_images": 3,
    "schedule__iterations": 10,
    "schedule__checkpoint_every": 1,
    "schedule__validate_every": 4,
    "schedule__image_every": 5,
    "schedule__keep_checkpoints": 2,
}


def _check_training(folder: Path) -> None:
    """Every checkpoint is complete, and what was saved once is not lost."""
    run = folder / "run"
    for checkpoint in checkpoint_folders(run):
        read_checkpoint(checkpoint)
    if best_model(run).parent.exists() and best_model(run).exists():
        read_generator(best_model(run))
    newest = newest_checkpoint(run)
    reached = folder / "reached"
    before = int(reached.read_text()) if reached.exists() else 0
    now = newest.checkpoint.generator.iteration if newest else 0
    assert now >= before, f"iteration {before} was saved, but only {now} is left"
    reached.write_text(str(now))


def _training_results(folder: Path) -> dict[str, bytes]:
    return _files(folder / "run")


def _files(folder: Path) -> dict[str, bytes]:
    contents = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in OF_THE_CLOCK and "vdl" not in path.parts:
            name = str(path.relative_to(folder))
            contents[name] = path.read_bytes()
            if path.name == "metrics.jsonl":
                contents[name] = _without_times(contents[name])
    return contents


def _without_times(content: bytes) -> bytes:
    entries = map(json.loads, content.splitlines())
    return repr([{k: v for k, v in e.items() if k not in TIMES} for e in entries]).encode()


def _prepare_export(folder: Path) -> None:
    """A network to export, over the files of an earlier export."""
    save_small_network(folder / "new")
    earlier = folder / "exported"
    earlier.mkdir()
    (earlier / "model.json").write_text("earlier")
    (earlier / "model.pdiparams").write_text("earlier")
    (earlier / "deploy.yaml").write_text(yaml.safe_dump({"Deploy": {"sha256": _hashes(earlier)}}))


def _hashes(folder: Path) -> dict[str, str]:
    return {n: sha256_of(folder / n) for n in ("model.json", "model.pdiparams")}


def _check_export(folder: Path) -> None:
    """Nobody ever finds a description beside files of another export."""
    description = folder / "exported" / "deploy.yaml"
    if description.exists():
        recorded = yaml.safe_load(description.read_text())["Deploy"]["sha256"]
        assert recorded == _hashes(description.parent), "files of two exports"


def _prepare_convert(folder: Path) -> None:
    save_small_network(folder / "new")
    earlier = save_small_network(folder / "earlier", "deepfill_v1_torch")
    (folder / "converted").mkdir()
    shutil.copy(best_model(earlier), folder / "converted")


def _check_convert(folder: Path) -> None:
    """The earlier result or the new one is there, whole; perhaps where it waits to be put back."""
    converted = folder / "converted"
    if not converted.exists():
        converted = folder / ".partial-old-converted"
    read_generator(converted / "generator.safetensors")


def _prepare_ablate(folder: Path) -> None:
    photos = write_photos(folder / "photos")
    changes = {**SMALL, "data__validation": photos.name, "data__validation_images": 2}
    for name, rate in (("one", 0.01), ("two", 1e-4)):
        config = small_config(
            photos.name,
            "unused",
            optimizer__learning_rate=rate,
            schedule__iterations=6,
            schedule__checkpoint_every=1,
            **changes,
        )
        (folder / f"{name}.yaml").write_text(config.to_yaml())


def _prepare_filling(folder: Path) -> None:
    """A network and photographs to fill, and results of an earlier command."""
    save_small_network(folder / "new")
    photos = write_photos(folder / "photos", count=4)
    (folder / "masks").mkdir()
    (folder / "filled").mkdir()
    for photo in photos.iterdir():
        mask = np.zeros([40, 48], np.uint8)
        mask[8:24, 8:24] = 255
        cv2.imwrite(str(folder / "masks" / photo.name), mask)
        shutil.copy(photo, folder / "filled")


def _check_filled(folder: Path) -> None:
    """Every result is a whole picture, the old or the new one."""
    for path in (folder / "filled").glob("[!.]*"):
        assert not isinstance(read_photo(path), Exception)


def _check_test(folder: Path) -> None:
    """The record is whole, and if the text is there, all is."""
    report = folder / "report"
    if (report / "report.json").exists():
        json.loads((report / "report.json").read_text())
    if (report / "test.txt").exists():
        assert set(FILES) <= {path.name for path in report.iterdir()}


def _test_results(folder: Path) -> dict[str, bytes]:
    files = _files(folder / "report")
    return {name: files[name] for name in ("per_image.csv", "ranked.png")}


def _check_ablate(folder: Path) -> None:
    for checkpoint in folder.glob("ablation/runs/*/*/checkpoints/iter_*"):
        read_checkpoint(checkpoint)


def _ablation_results(folder: Path) -> dict[str, bytes]:
    """What was trained, and the scores of the test."""
    files = _files(folder / "ablation")
    kept = {name: content for name, content in files.items() if name.startswith("runs/")}
    means = json.loads(files["ablation.json"])["means"]
    return {**kept, "means": json.dumps(means, sort_keys=True).encode()}


# Cheap commands are killed more often.
ORDER = (
    "train convert train_workers predict train convert export "
    "train test convert train_workers train predict convert ablate"
).split()
JOBS = {
    "train": Job(
        ["train", "--config", "config.yaml"],
        _training(objective__options__critic_steps=1),
        _check_training,
        _training_results,
        12,
    ),
    "train_workers": Job(
        ["train", "--config", "config.yaml"],
        _training(**SMALL, data__workers=2, schedule__average=0.9, logging__visualdl=True),
        _check_training,
        _training_results,
        12,
    ),
    "export": Job(
        ["export", "--model_path", "new", "--save_dir", "exported", "--device", "cpu"]
        + "--input_shape 1 3 32 32".split(),
        _prepare_export,
        _check_export,
        lambda folder: _files(folder / "exported"),
        4,
    ),
    "convert": Job(
        ["convert", "--from", "paddle", "new", "converted", "--overwrite"],
        _prepare_convert,
        _check_convert,
        lambda folder: _files(folder / "converted"),
        8,
    ),
    "predict": Job(
        "predict --model_path new --image_path photos --mask_path masks --save_dir filled".split()
        + ["--save_mask", "--device", "cpu"],
        _prepare_filling,
        _check_filled,
        lambda folder: _files(folder / "filled"),
        8,
    ),
    "test": Job(
        "test --model_path new --images photos --image_size 32 32 --hole_size 16 16".split()
        + "--methods mean_fill --save_dir report --device cpu".split(),
        _prepare_filling,
        _check_test,
        _test_results,
        8,
    ),
    "ablate": Job(
        "ablate one.yaml two.yaml --device cpu --save_dir ablation --num_images 3".split(),
        _prepare_ablate,
        _check_ablate,
        _ablation_results,
        8,
    ),
}
