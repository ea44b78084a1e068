# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The progress of a run, from its newest checkpoint, and the time that is left."""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from ppdeepfill.ablation.plan import Budget, Run
from ppdeepfill.config import Config
from ppdeepfill.errors import ConfigError, listed
from ppdeepfill.evaluation.report.text import table
from ppdeepfill.training.log import duration
from ppdeepfill.training.resuming import differences
from ppdeepfill.training.trainer import Trainer
from ppdeepfill.weights.checkpoint import checkpoint_folders, newest_checkpoint

# Keys, or prefixes of keys, that do not affect the final weights of a run.
WITHOUT_EFFECT = (
    "output_dir",
    "device",
    "deterministic",
    "resume",
    "data.workers",
    "logging.",
    "schedule.iterations",
    "schedule.minutes",
    "schedule.log_every",
    "schedule.image_every",
    "schedule.checkpoint_every",
    "schedule.keep_checkpoints",
    "schedule.validate_every",
)
POINTS = 20  # minimum number of points of a curve
CHECKPOINTS = 10  # minimum number of checkpoints of a run


class Progress(NamedTuple):
    """The progress of a run.

    Attributes:
        iteration: number of finished iterations.
        seconds: training time, if the budget is in minutes.
        complete: whether the budget is used up.
        checkpoint: the newest checkpoint; None if there is none yet.
    """

    iteration: int = 0
    seconds: float | None = None
    complete: bool = False
    checkpoint: Path | None = None


def progress_of(run: Run) -> Progress:
    """Return the progress of a run.

    Raises:
        ConfigError: its folder was trained with other settings, or for longer than the budget.
        CheckpointError: none of its checkpoints can be used.
    """
    if not checkpoint_folders(run.folder):
        return Progress()
    newest = newest_checkpoint(run.folder)
    if newest is None:
        raise ConfigError(f"no checkpoint in {run.folder} can be used; delete this folder")
    then = Config.from_dict(newest.checkpoint.config, source=f"the configuration of {run.folder}")
    _check_same_settings(run, then)
    iteration = newest.checkpoint.generator.iteration
    seconds = newest.checkpoint.progress.get("training_seconds")
    complete = _is_complete(run, then, iteration, seconds)
    return Progress(iteration, seconds, complete, newest.folder)


def seconds_per_iteration(config: Config) -> float:
    """Train two iterations in memory and time the second; write nothing.

    Raises:
        UserError: the configuration cannot be trained.
    """
    trainer = Trainer(config)
    with closing(trainer.loader):
        trainer.step()  # the first compiles kernels
        started = time.perf_counter()
        trainer.step()
        return time.perf_counter() - started


def with_cadence(run: Run, iterations: int) -> Run:
    """Return the run with enough log points and checkpoints for its number of iterations."""
    schedule = run.config.schedule
    point, save = max(1, iterations // POINTS), max(1, iterations // CHECKPOINTS)
    cadence = {
        "log_every": min(schedule.log_every, point),
        "validate_every": min(schedule.validate_every, point),
        "checkpoint_every": min(schedule.checkpoint_every, save),
    }
    schedule = schedule.model_copy(update=cadence)
    return run._replace(config=run.config.model_copy(update={"schedule": schedule}))


def describe_plan(
    runs: Sequence[Run],
    progress: Mapping[str, Progress],
    costs: Mapping[str, float],
    budget: Budget,
) -> str:
    """Describe what is done, what is left and how long that takes.

    Args:
        runs: all runs.
        progress: label of a run -> its progress.
        costs: name of a configuration that still has to train -> seconds per iteration.
        budget: budget of each run.
    """
    rows = [["run", "state", "seconds per iteration", "left"]]
    total = 0.0
    for run in runs:
        found, cost = progress[run.label], costs.get(run.name)
        left = 0.0 if found.complete else _seconds_left(found, cost, budget)
        total += left
        rows.append(
            [
                run.label,
                _state(found),
                "-" if found.complete else f"{cost:.3g}",
                "-" if found.complete else duration(left),
            ]
        )
    rest = (
        f"{duration(total)} of training in total, measured here on one iteration of each "
        "configuration; validation and the test are extra"
    )
    title = f"{len(runs)} runs of {budget} each"
    return "\n".join([title, table(rows), rest if costs else "nothing is left to train"])


def _seconds_left(found: Progress, cost: float, budget: Budget) -> float:
    if budget.minutes is not None:
        return 60 * budget.minutes - (found.seconds or 0.0)
    return (budget.iterations - found.iteration) * cost


def _state(found: Progress) -> str:
    if found.complete:
        return f"done, {found.iteration} iterations"
    return f"at iteration {found.iteration}" if found.iteration else "not begun"


def _check_same_settings(run: Run, then: Config) -> None:
    """Raise ConfigError if the run was started with settings that lead to other weights."""
    matters = {
        f"{key} was {old} and is {new}": key
        for key, (old, new) in differences(then.to_dict(), run.config.to_dict()).items()
        if not key.startswith(WITHOUT_EFFECT)
    }
    if run.config.optimizer.schedule.kind == "cosine":  # which depends on the last iteration
        before, now = then.schedule.iterations, run.config.schedule.iterations
        if before != now:
            matters[f"schedule.iterations was {before} and is {now}"] = "schedule.iterations"
    if matters:
        raise ConfigError(
            f"{run.folder} was trained with other settings: {listed(list(matters))}; use another "
            "--save_dir, or delete this folder to train it again"
        )


def _is_complete(run: Run, then: Config, iteration: int, seconds: float | None) -> bool:
    """Whether the budget is used up; raise ConfigError if it is exceeded."""
    schedule = run.config.schedule
    if schedule.minutes is None:
        if iteration > schedule.iterations:
            raise _too_long(run, f"{iteration} iterations, more than {schedule.iterations}")
        return iteration == schedule.iterations
    if seconds is None:
        raise _too_long(run, f"{iteration} iterations, without a budget in minutes")
    complete = seconds >= 60 * schedule.minutes
    if complete and then.schedule.minutes != schedule.minutes:  # not only by its last iteration
        raise _too_long(run, f"{seconds / 60:.3g} minutes, more than {schedule.minutes:g}")
    return complete


def _too_long(run: Run, how: str) -> ConfigError:
    return ConfigError(
        f"{run.folder} was trained for {how}; use the budget it was trained with, or another "
        "--save_dir"
    )
