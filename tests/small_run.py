# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A training run that takes seconds, for the tests."""

import json
from pathlib import Path

import cv2
import numpy as np

from ppdeepfill.config import Config
from ppdeepfill.networks import NETWORKS, build_network
from ppdeepfill.training.state import layer_arrays
from ppdeepfill.weights.checkpoint import save_best
from ppdeepfill.weights.generator_file import Generator

# Options of every network of the zoo that make it tiny.
SMALL_NETWORKS = {name: {"base_channels": 4} for name in NETWORKS} | {
    "shift_net": {"base_channels": 4, "levels": 4},
    "partial_unet": {"base_channels": 4, "levels": 4},
    "rfr": {"base_channels": 4, "recurrences": 2},
}
TIMES = {"avg_reader_cost", "avg_batch_cost", "ips", "eta"}  # keys that no two runs share


def write_photos(folder: Path, count: int = 8) -> Path:
    """Write colourful pictures of 40 x 48 pixels."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(7)
    for number in range(count):
        coarse = rng.integers(0, 256, [5, 6, 3], dtype=np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), cv2.resize(coarse, (48, 40)))
    return folder


def write_labels(folder: Path, photos: Path, classes: int = 3) -> Path:
    """Write a label map for each of the pictures."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(9)
    for photo in sorted(photos.iterdir()):
        coarse = rng.integers(0, classes, [5, 6], dtype=np.uint8)
        labels = cv2.resize(coarse, (48, 40), interpolation=cv2.INTER_NEAREST)
        cv2.imwrite(str(folder / f"{photo.stem}.png"), labels)
    return folder


def small_config(photos: Path, output_dir: str | Path, **changes) -> Config:
    """A configuration of 32-pixel images and tiny layers; changes are `section__key=value`."""
    values = {
        "output_dir": str(output_dir),
        "device": "cpu",
        "network": {"name": "deepfill_v1", "options": {"base_channels": 4}},
        "objective": {"options": {"critic_steps": 2, "critic_channels": 4}},
        "data": {"train": str(photos), "image_size": 32, "batch_size": 2, "workers": 0},
        "mask": {"size": 16, "max_shrink": 4},
        "schedule": {
            "iterations": 4,
            "log_every": 2,
            "image_every": 4,
            "checkpoint_every": 2,
            "validate_every": 2,
        },
        "logging": {"visualdl": False},
    }
    for path, value in changes.items():
        *sections, key = path.split("__")
        place = values
        for section in sections:
            place = place.setdefault(section, {})
        place[key] = value
    return Config.from_dict(values)


def validating(monkeypatch, scores: list[float]) -> None:
    """Let the validations of a run find these values of hole_l1, one after another."""
    left = iter(scores)
    monkeypatch.setattr(
        "ppdeepfill.training.reporter.validate",
        lambda *_, **__: {"hole_l1": next(left), "psnr": 1.0},
    )


def read_metrics(output_dir: Path) -> list[dict]:
    """The records of a run without what depends on the clock."""
    lines = (Path(output_dir) / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines]


def read_checkpoints(output_dir: Path) -> dict[str, bytes]:
    """Every file of the checkpoints and of the best model, by its path."""
    files = [*Path(output_dir).glob("checkpoints/*/*"), *Path(output_dir).glob("best_model/*")]
    return {str(file.relative_to(output_dir)): file.read_bytes() for file in sorted(files)}


def save_small_network(output_dir: Path, name: str = "deepfill_v1") -> Path:
    """Write an untrained network as the best model of a run; returns its output_dir."""
    options = SMALL_NETWORKS[name]
    weights = layer_arrays(build_network(name, **options))
    save_best(output_dir, Generator(name, options, 1, weights))
    return output_dir
