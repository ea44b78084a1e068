# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What an ablation found: the runs as they ended, and the results of each configuration."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ppdeepfill.ablation.plan import Budget, Run
from ppdeepfill.ablation.progress import progress_of
from ppdeepfill.drawing.curves import minutes_at, read_entries
from ppdeepfill.evaluation.compare import Comparison
from ppdeepfill.evaluation.report import build_record
from ppdeepfill.evaluation.scoring import ImageResult
from ppdeepfill.weights.checkpoint import GENERATOR
from ppdeepfill.weights.generator_file import read_generator


class Trained(NamedTuple):
    """A run that is done.

    Attributes:
        run: which.
        path: folder of its last checkpoint, which is what is tested.
        iterations: that it trained.
        minutes: training time, as its log has it.
        entries: of its log, see `read_entries`.
        weights: count of the numbers in its generator file.
    """

    run: Run
    path: str
    iterations: int
    minutes: float
    entries: list[dict]
    weights: int


def trained(run: Run) -> Trained:
    """What is known of a run that is done."""
    progress = progress_of(run)
    entries = read_entries(run.folder)
    generator = read_generator(progress.checkpoint / GENERATOR)
    return Trained(
        run,
        str(progress.checkpoint),
        progress.iteration,
        float(minutes_at(entries, [progress.iteration])[0]),
        entries,
        sum(int(array.size) for array in generator.weights.values()),
    )


def build_outcome(
    runs: Sequence[Trained],
    found: Comparison,
    of_runs: Mapping[str, Any],
    budget: Budget,
    failed: Mapping[str, str],
) -> dict[str, Any]:
    """The contents of the report as nested dicts, ready for JSON.

    Args:
        runs: that are done.
        found: with a method for each run.
        of_runs: its means by run and metric, as in the record of a test.
        budget: of each run.
        failed: why other runs failed, by label.

    Returns:
        As `build_record`, with a method for each configuration: its scores of an image are the
        means over its seeds. Besides: `budget`; `runs`; `failed`; `over_seeds`, by configuration
        and metric the lowest and highest mean of a run and their standard deviation.
    """
    members = _members(runs)
    results = [_over_seeds(result, members) for result in found.results]
    return {
        "budget": str(budget),
        "runs": [_described(one, of_runs[one.run.label]) for one in runs],
        "failed": dict(failed),
        "over_seeds": _spread(members, of_runs),
        **build_record(found.setting, results, _fid_over_seeds(found.fid, members)),
    }


def _members(runs: Sequence[Trained]) -> dict[str, list[str]]:
    """Labels of the runs of each configuration."""
    members: dict[str, list[str]] = {}
    for one in runs:
        members.setdefault(one.run.name, []).append(one.run.label)
    return members


def _is_run(method: str, members: Mapping[str, Sequence[str]]) -> bool:
    return any(method in labels for labels in members.values())


def _over_seeds(result: ImageResult, members: Mapping[str, Sequence[str]]) -> ImageResult:
    """One image's result with the runs of a configuration joined to one method."""
    scores = {
        name: {
            metric: float(np.mean([result.scores[label][metric] for label in labels]))
            for metric in result.scores[labels[0]]
        }
        for name, labels in members.items()
    }
    others = {m: s for m, s in result.scores.items() if not _is_run(m, members)}
    return ImageResult(result.index, result.name, result.hole_area, result.digest, scores | others)


def _fid_over_seeds(
    fid: Mapping[str, float | None], members: Mapping[str, Sequence[str]]
) -> dict[str, float | None]:
    """The mean of the FIDs of a configuration's runs; None where the test has a single image."""
    joined: dict[str, float | None] = {}
    for name, labels in members.items():
        values = [fid[label] for label in labels if label in fid]
        if values:
            known = [value for value in values if value is not None]
            joined[name] = float(np.mean(known)) if known else None
    return joined | {m: value for m, value in fid.items() if not _is_run(m, members)}


def _described(one: Trained, means: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "label": one.run.label,
        "name": one.run.name,
        "seed": one.run.seed,
        "checkpoint": one.path,
        "iterations": one.iterations,
        "minutes": one.minutes,
        "weights": one.weights,
        "means": means,
    }


def _spread(
    members: Mapping[str, Sequence[str]], of_runs: Mapping[str, Any]
) -> dict[str, dict[str, dict[str, float]]]:
    """How far the runs of a configuration lie apart; nothing for a single run."""
    spread: dict[str, dict[str, dict[str, float]]] = {}
    for name, labels in members.items():
        if len(labels) < 2:
            continue
        spread[name] = {}
        for metric in of_runs[labels[0]]:
            values = [of_runs[label][metric]["mean"] for label in labels]
            if None not in values:
                spread[name][metric] = {
                    "lowest": min(values),
                    "highest": max(values),
                    "standard_deviation": float(np.std(values, ddof=1)),
                }
    return spread
