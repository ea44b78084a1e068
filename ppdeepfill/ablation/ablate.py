# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Train every unfinished run of an ablation, test all runs on the same holes, and report."""

import gc
import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ppdeepfill import parallel
from ppdeepfill.ablation.outcome import build_outcome, trained
from ppdeepfill.ablation.plan import Budget, Run, budget_of, load_configs, plan_runs
from ppdeepfill.ablation.progress import (
    Progress,
    describe_plan,
    progress_of,
    seconds_per_iteration,
    with_cadence,
)
from ppdeepfill.ablation.report import write_report
from ppdeepfill.ablation.table import render_text
from ppdeepfill.atomic_write import check_writable, sole_use
from ppdeepfill.config import Config
from ppdeepfill.errors import ChecksFailed, ConfigError, UserError, listed
from ppdeepfill.evaluation import compare as evaluation
from ppdeepfill.evaluation.report import build_record
from ppdeepfill.evaluation.report import write_report as write_test_report
from ppdeepfill.evaluation.settings import ComparisonSettings, settings_from
from ppdeepfill.training.trainer import Trainer

TEST = "test"  # folder of the report of the test, below that of the ablation

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class AblationSettings:
    """What to train, and how to test it.

    Attributes:
        configs: files of the configurations.
        overrides: `key=value` for all configurations.
        budget: budget of each run; if empty, the iterations of the configurations.
        seeds: seeds for every configuration; if empty, each uses its own.
        test: attributes of `ComparisonSettings`; images and sizes come from the configurations
            unless given here.
        save_dir: folder for runs and report; an unfinished ablation in it is continued.
        device: as in a configuration.
    """

    configs: Sequence[Path]
    overrides: Sequence[str] = ()
    budget: Budget = Budget()
    seeds: Sequence[int] = ()
    test: Mapping[str, Any] = field(default_factory=dict)
    save_dir: Path = Path("output/ablation")
    device: str = "auto"


def ablate(settings: AblationSettings, *, dry_run: bool = False) -> None:
    """Train, test and report; with `dry_run`, only say what would run and how long it takes.

    Raises:
        UserError: something cannot be trained or tested; raised before anything is trained.
        ChecksFailed: some runs failed; the report covers the others.
    """
    check_writable(settings.save_dir, change="--save_dir")
    configs = load_configs(settings.configs, settings.overrides)
    budget = budget_of(configs, settings.budget)
    test = _test_settings(settings, configs)
    evaluation.check(test)
    runs = plan_runs(
        configs, budget, seeds=settings.seeds, save_dir=settings.save_dir, device=settings.device
    )
    progress = {run.label: progress_of(run) for run in runs}
    costs = _costs(runs, progress)
    runs = [_with_cadence(run, budget, costs) for run in runs]
    logger.info("%s", describe_plan(runs, progress, costs, budget))
    if dry_run:
        return
    with ExitStack() as open_folder:
        if parallel.rank() == 0:
            open_folder.enter_context(sole_use(settings.save_dir, change="--save_dir"))
        failed = _train([run for run in runs if not progress[run.label].complete])
        done = [run for run in runs if run.label not in failed]
        if done:
            _test_and_report(test, done, budget, failed)
    if failed:
        raise ChecksFailed(f"{len(failed)} of {len(runs)} runs failed: {listed(list(failed))}")


def _test_settings(settings: AblationSettings, configs: Mapping[str, Config]) -> ComparisonSettings:
    """The test of all runs, on images and sizes that all configurations agree on."""
    given = dict(settings.test) | {"save_dir": settings.save_dir / TEST}
    names = [name for name in configs if name in given.get("methods", ())]
    if names:
        raise ConfigError(f"{names[0]} is a configuration and one of --methods; rename the file")
    tests = {name: settings_from(config, given) for name, config in configs.items()}
    first, test = next(iter(tests.items()))
    for name, other in tests.items():
        for key in ("images", "image_size", "crop", "hole_size"):
            ours, theirs = getattr(test, key), getattr(other, key)
            if ours != theirs:
                raise ConfigError(
                    f"all runs need the same test, but {key} is {ours} in {first} and {theirs} in "
                    f"{name}; pass --{key}"
                )
    return test


def _costs(runs: Sequence[Run], progress: Mapping[str, Progress]) -> dict[str, float]:
    """Seconds per iteration of every configuration that still has to train.

    Raises:
        ConfigError: one of them cannot be trained.
    """
    costs: dict[str, float] = {}
    for run in runs:
        if run.name in costs or progress[run.label].complete:
            continue
        try:
            costs[run.name] = seconds_per_iteration(run.config)
        except UserError as error:
            raise ConfigError(f"{run.name} cannot be trained: {error}") from error
        gc.collect()
    return costs


def _with_cadence(run: Run, budget: Budget, costs: Mapping[str, float]) -> Run:
    if run.name not in costs:
        return run
    if budget.minutes is None:
        return with_cadence(run, run.config.schedule.iterations)
    return with_cadence(run, round(60 * budget.minutes / costs[run.name]))


def _train(runs: Sequence[Run]) -> dict[str, str]:
    """Train all runs to their end, even if some fail; return label -> reason of failures."""
    failed = {}
    for number, run in enumerate(runs, 1):
        logger.info("== training %d of %d: %s", number, len(runs), run.label)
        try:
            Trainer(run.config).fit()
        except UserError as error:
            logger.error("%s failed: %s", run.label, error)
            failed[run.label] = str(error)
        gc.collect()  # a network, its critics and optimizers hold each other
    return failed


def _test_and_report(
    test: ComparisonSettings, runs: Sequence[Run], budget: Budget, failed: Mapping[str, str]
) -> None:
    names = [run.name for run in runs]
    done = [trained(run) for run in sorted(runs, key=lambda run: names.index(run.name))]
    paths = {one.path: one.run.label for one in done}
    found = evaluation.evaluate(
        replace(test, model_paths=[Path(path) for path in paths], labels=paths)
    )
    if found is None:  # not the first process
        return
    record = build_record(found.setting, found.results, found.fid)
    write_test_report(test.save_dir, record, found.results, found.ranked)
    outcome = build_outcome(done, found, record["means"], budget, failed)
    files = write_report(test.save_dir.parent, outcome, done, found.results, budget)
    logger.info("%s", render_text(outcome))
    for file in [test.save_dir / "report.html", *files]:
        logger.info("wrote %s", file)
