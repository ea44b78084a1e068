# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The network of a training run as it comes with the package, and what is known of its training."""

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
from ppdeepfill.weights.finding import DEMO, SHIPPED, find_generator
from ppdeepfill.weights.generator_file import read_generator, sha256_of, write_generator
from release.settings import Setting, comparison_of

LARGEST = 4 << 20  # bytes that everybody who installs the package downloads
TRAIN_LINES_EVERY = 500  # iterations; validation lines are all kept
COMPARED = ("hole_l1", "psnr", "ssim")  # in single and in half precision
# Where the data lies on somebody's machine is nobody's business.
PUBLIC = ("output_dir=output/demo", "data.train=photos/train", "data.validation=bsds500/val")


class Provenance(NamedTuple):
    """Where shipped weights come from.

    Attributes:
        commit: of the code that trained them.
        seed: of the run.
        iterations: that these weights had behind them.
        planned: that the whole run has.
        hours: spent in iterations, without validation.
        sha256: of the generator file.
        half_precision: by metric, the score of the weights as trained and as shipped; see
            `with_scores_of_both`.
    """

    commit: str
    seed: int
    iterations: int
    planned: int
    hours: float
    sha256: str
    half_precision: dict[str, list[float]]


def ship(run: Path, *, commit: str, folder: Path = SHIPPED) -> Provenance:
    """Write the best model of a run, in half precision, with its configuration and its log.

    Args:
        run: the output_dir; nothing in it is touched.
        commit: of the code that trained it.
        folder: generator.safetensors, config.yaml, metrics.jsonl and provenance.json go there.

    Raises:
        UserError: no network there, weights too large for half precision, or a file above 4 MiB.
    """
    generator = read_generator(find_generator(run))
    with np.errstate(over="ignore"):  # becomes infinity, which is refused below
        halves = {name: array.astype(np.float16) for name, array in generator.weights.items()}
    if not all(np.isfinite(array).all() for array in halves.values()):
        raise UserError(f"{run} has weights beyond the range of half precision, 65504")
    config = load_config(run / "config.yaml", list(PUBLIC))
    lines = _lines_up_to(generator.iteration, run / "metrics.jsonl")
    folder.mkdir(parents=True, exist_ok=True)
    with written_whole(folder / GENERATOR) as partial:
        write_generator(partial, generator._replace(weights=halves))
        if partial.stat().st_size > LARGEST:
            raise UserError(f"{run} takes more than {LARGEST >> 20} MiB in half precision")
    provenance = Provenance(
        commit=commit,
        seed=config.seed,
        iterations=generator.iteration,
        planned=config.schedule.iterations,
        hours=round(hours_of(lines), 2),
        sha256=sha256_of(folder / GENERATOR),
        half_precision={},
    )
    _write(folder / "config.yaml", config.to_yaml())
    _write(folder / "metrics.jsonl", "".join(json.dumps(x) + "\n" for x in _thinned(lines)))
    write_provenance(provenance, folder)
    return provenance


def with_scores_of_both(
    provenance: Provenance, run: Path, setting: Setting, *, data: Path, save_dir: Path
) -> Provenance:
    """With what is lost by half precision: the scores of a run's weights and of the shipped ones.

    Args:
        provenance: of the shipped weights.
        run: whose best model they are.
        setting: what both are scored on.
        data, save_dir: see `comparison_of`.
    """
    test = comparison_of(
        setting, model_paths=[run, Path(DEMO)], methods=(), data=data, save_dir=save_dir
    )
    compare(test)
    record = json.loads((test.save_dir / "report.json").read_text(encoding="utf-8"))
    single, half = record["means"].values()
    scores = {metric: [single[metric]["mean"], half[metric]["mean"]] for metric in COMPARED}
    return provenance._replace(half_precision=scores)


def write_provenance(provenance: Provenance, folder: Path = SHIPPED) -> None:
    """For `read_provenance`."""
    _write(folder / "provenance.json", json.dumps(provenance._asdict(), indent=1) + "\n")


def read_provenance(folder: Path = SHIPPED) -> Provenance:
    """What `write_provenance` wrote."""
    return Provenance(**json.loads((folder / "provenance.json").read_text(encoding="utf-8")))


def hours_of(lines: Sequence[dict]) -> float:
    """Time in iterations, from the mean of each interval of a log."""
    seconds, before = 0.0, 0
    for line in lines:
        if line["type"] == "train":
            seconds += (line["iter"] - before) * line["avg_batch_cost"]
            before = line["iter"]
    return seconds / 3600


def _lines_up_to(iteration: int, log: Path) -> list[dict]:
    """Of metrics.jsonl, in order; iterations that a resumed run repeated count once."""
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
