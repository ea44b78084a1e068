# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The outcome of an ablation: its finished runs, and the results of each configuration."""

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
    """A finished run.

    Attributes:
        run: the run.
        path: folder of its last checkpoint, which the test uses.
        iterations: number of iterations trained.
        minutes: training time according to its log.
        entries: entries of its log, see `read_entries`.
        weights: number of weights in its generator file.
    """

    run: Run
    path: str
    iterations: int
    minutes: float
    entries: list[dict]
    weights: int


def trained(run: Run) -> Trained:
    """Read the results of a finished run."""
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
    """Build the contents of the report as nested dicts, ready for JSON.

    Args:
        runs: the finished runs.
        found: the comparison, with a method for each run.
        of_runs: its means by run and metric, as in the record of a test.
        budget: budget of each run.
        failed: label -> reason, for runs that failed.

    Returns:
        Like `build_record`, with a method for each configuration, whose scores for an image are
        means over its seeds. In addition: `budget`; `runs`; `failed`; `over_seeds`, which has for
        each configuration and metric the lowest and highest mean of a run and their standard
        deviation.
    """
    members = _members(runs)
    results = [_over_seeds(result, members) for result in found.results]
    return {
        "budget": str(budget),
        "runs": [_as_dict(one, of_runs[one.run.label]) for one in runs],
        "failed": dict(failed),
        "over_seeds": _spread(members, of_runs),
        **build_record(found.setting, results, _fid_over_seeds(found.fid, members)),
    }


def _members(runs: Sequence[Trained]) -> dict[str, list[str]]:
    """Configuration -> labels of its runs."""
    members: dict[str, list[str]] = {}
    for one in runs:
        members.setdefault(one.run.name, []).append(one.run.label)
    return members


def _is_run(method: str, members: Mapping[str, Sequence[str]]) -> bool:
    return any(method in labels for labels in members.values())


def _over_seeds(result: ImageResult, members: Mapping[str, Sequence[str]]) -> ImageResult:
    """One image's result, with the runs of a configuration combined into one method."""
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
    """The mean FID of a configuration's runs; None if the test has a single image."""
    joined: dict[str, float | None] = {}
    for name, labels in members.items():
        values = [fid[label] for label in labels if label in fid]
        if values:
            known = [value for value in values if value is not None]
            joined[name] = float(np.mean(known)) if known else None
    return joined | {m: value for m, value in fid.items() if not _is_run(m, members)}


def _as_dict(one: Trained, means: Mapping[str, Any]) -> dict[str, Any]:
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
    """How much the runs of a configuration differ; nothing for a single run."""
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
