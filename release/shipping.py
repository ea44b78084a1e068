# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Put the network of a training run into the package, with a record of its training."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ppdeepfill.atomic_write import written_whole
from ppdeepfill.config import load_config
from ppdeepfill.errors import UserError
from ppdeepfill.evaluation.compare import compare
from ppdeepfill.weights.checkpoint import GENERATOR
from ppdeepfill.weights.finding import find_generator
from ppdeepfill.weights.generator_file import read_generator, sha256_of, write_generator
from release.settings import Setting, comparison_of

LARGEST = 8 << 20  # bytes; everyone who installs the package downloads them
TRAIN_LINES_EVERY = 500  # iterations; all validation lines are kept
COMPARED = ("hole_l1", "psnr", "ssim")  # metrics to compare in single and half precision
# Replaces the paths on the machine that trained, which are private.
PUBLIC = ("data.train=photos/train", "data.validation=bsds500/val")


class Provenance(NamedTuple):
    """Where shipped weights come from.

    Attributes:
        commit: commit of the code that trained them.
        seed: seed of the run.
        iterations: number of iterations behind these weights, those of earlier runs included.
        planned: the same, if the run had gone on to its end.
        hours: time spent in these iterations, without validation.
        sha256: checksum of the generator file.
        half_precision: metric -> scores of the weights as trained and as shipped; see
            `with_scores_of_both`.
        before: how many of the iterations earlier runs did.
    """

    commit: str
    seed: int
    iterations: int
    planned: int
    hours: float
    sha256: str
    half_precision: dict[str, list[float]]
    before: int = 0


def ship(run: Path, folder: Path, *, commit: str, continues: Path | None = None) -> Provenance:
    """Write the best model of a run in half precision, with its configuration and its log.

    Args:
        run: the output_dir; it is only read.
        folder: one of `SHIPPED`, named after the network; gets generator.safetensors, config.yaml,
            metrics.jsonl and provenance.json.
        commit: commit of the code that trained it.
        continues: what was shipped before, if the run began with those weights: a copy of its
            `folder`. Iterations count on from there, and the log begins with that one.

    Raises:
        UserError: there is no network, its weights are too large for half precision, or its file
            exceeds 8 MiB.
    """
    generator = read_generator(find_generator(run))
    with np.errstate(over="ignore"):  # overflow becomes infinity, which is refused below
        halves = {name: array.astype(np.float16) for name, array in generator.weights.items()}
    if not all(np.isfinite(array).all() for array in halves.values()):
        raise UserError(f"{run} has weights beyond the range of half precision, 65504")
    lines = _lines_up_to(generator.iteration, run / "metrics.jsonl")
    hours, overrides = hours_of(lines), [*PUBLIC, f"output_dir=output/{folder.name}"]
    before, earlier = 0, []  # iterations and lines of the log
    if continues is not None:
        record = read_provenance(continues)
        before, hours = record.iterations, hours + record.hours
        earlier = _lines_up_to(before, continues / "metrics.jsonl")
        overrides.append(f"initial_weights={folder.name}")
    config = load_config(run / "config.yaml", overrides)
    folder.mkdir(parents=True, exist_ok=True)
    with written_whole(folder / GENERATOR) as partial:
        iteration = before + generator.iteration
        write_generator(partial, generator._replace(weights=halves, iteration=iteration))
        if partial.stat().st_size > LARGEST:
            raise UserError(f"{run} takes more than {LARGEST >> 20} MiB in half precision")
    provenance = Provenance(
        commit=commit,
        seed=config.seed,
        iterations=iteration,
        planned=before + config.schedule.iterations,
        hours=round(hours, 3),
        sha256=sha256_of(folder / GENERATOR),
        half_precision={},
        before=before,
    )
    _write(folder / "config.yaml", config.to_yaml())
    lines = [*earlier, *(line | {"iter": before + line["iter"]} for line in _thinned(lines))]
    _write(folder / "metrics.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    write_provenance(provenance, folder)
    return provenance


def with_scores_of_both(
    provenance: Provenance, run: Path, name: str, setting: Setting, *, data: Path, save_dir: Path
) -> Provenance:
    """Add the scores of a run's weights and of the shipped ones, to show the loss from rounding.

    Args:
        provenance: record of the shipped weights.
        run: the run whose best model was shipped.
        name: name of the shipped network.
        setting: the setting in which to score both.
        data, save_dir: see `comparison_of`.
    """
    test = comparison_of(
        setting, model_paths=[run, Path(name)], methods=(), data=data, save_dir=save_dir
    )
    compare(test)
    record = json.loads((test.save_dir / "report.json").read_text(encoding="utf-8"))
    single, half = record["means"].values()
    scores = {metric: [single[metric]["mean"], half[metric]["mean"]] for metric in COMPARED}
    return provenance._replace(half_precision=scores)


def write_provenance(provenance: Provenance, folder: Path) -> None:
    """Write provenance.json into a folder of `SHIPPED`, for `read_provenance`."""
    _write(folder / "provenance.json", json.dumps(provenance._asdict(), indent=1) + "\n")


def read_provenance(folder: Path) -> Provenance:
    """Read provenance.json, as written by `write_provenance`."""
    return Provenance(**json.loads((folder / "provenance.json").read_text(encoding="utf-8")))


def hours_of(lines: Sequence[dict]) -> float:
    """Return the time spent in iterations, from the mean of each interval in a log."""
    seconds, before = 0.0, 0
    for line in lines:
        if line["type"] == "train":
            seconds += (line["iter"] - before) * line["avg_batch_cost"]
            before = line["iter"]
    return seconds / 3600


def _lines_up_to(iteration: int, log: Path) -> list[dict]:
    """Lines of metrics.jsonl in order; iterations that a resumed run repeated count once."""
    lines = map(json.loads, log.read_text(encoding="utf-8").splitlines())
    latest = {(line["iter"], line["type"]): line for line in lines if line["iter"] <= iteration}
    return [latest[key] for key in sorted(latest)]


def _thinned(lines: Sequence[dict]) -> list[dict]:
    return [
        line
        for line in lines
        if line["type"] == "validate" or line["iter"] % TRAIN_LINES_EVERY == 0
    ]


def _write(path: Path, text: str) -> None:
    with written_whole(path) as partial:
        partial.write_bytes(text.encode())
