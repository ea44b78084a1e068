# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Plan the runs of an ablation: every configuration with every seed, under one budget."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ppdeepfill.config import Config, load_config
from ppdeepfill.errors import ConfigError, listed

RUNS = "runs"  # below the folder of an ablation
# For runs that only time ends: more iterations than anyone waits for, but few enough for the names
# of checkpoints.
UNLIMITED = 10_000_000
# Keys that an ablation sets itself -> the argument for them.
SET_BY = {
    "seed": "--seeds",
    "output_dir": "--save_dir",
    "device": "--device",
    "schedule.iterations": "--iterations",
    "schedule.minutes": "--minutes",
}


class Budget(NamedTuple):
    """How long each run trains; at most one value is not None.

    Attributes:
        iterations: iterations of each run.
        minutes: training time of each run, see `Meter.total_seconds`.
    """

    iterations: int | None = None
    minutes: float | None = None

    def __str__(self) -> str:
        if self.minutes is not None:
            return f"{self.minutes:g} minutes of training"
        return f"{self.iterations} iterations"


class Run(NamedTuple):
    """One training run.

    Attributes:
        name: name of its configuration.
        seed: seed of weights, data and masks.
        label: the name, with the seed if there are several.
        config: the configuration with seed, budget and output_dir filled in.
    """

    name: str
    seed: int
    label: str
    config: Config

    @property
    def folder(self) -> Path:
        return Path(self.config.output_dir)


def load_configs(files: Sequence[Path], overrides: Sequence[str] = ()) -> dict[str, Config]:
    """Load configurations; return name -> configuration, named like the file without its ending.

    Raises:
        ConfigError: a file, key or value is invalid, two files have the same name, or an override
            sets a key that the ablation sets itself.
    """
    for text in overrides:
        key = text.partition("=")[0].strip()
        if key in SET_BY:
            raise ConfigError(f"-o {text}: an ablation sets {key} by {SET_BY[key]}")
    configs: dict[str, Config] = {}
    for file in files:
        if file.stem in configs:
            raise ConfigError(
                f"two configurations are named {file.stem!r}: their runs would share a folder; "
                "rename one file"
            )
        configs[file.stem] = load_config(file, overrides)
    return configs


def budget_of(configs: dict[str, Config], budget: Budget) -> Budget:
    """Return the given budget, or else the iterations that all configurations agree on.

    Raises:
        ConfigError: no budget is given and the configurations differ, or a learning rate needs to
            know the last iteration.
    """
    if budget.minutes is not None:
        cosine = [n for n, c in configs.items() if c.optimizer.schedule.kind == "cosine"]
        if cosine:
            raise ConfigError(
                f"--minutes leaves the number of iterations open, but the cosine learning rate of "
                f"{listed(cosine)} needs it; use --iterations"
            )
        return budget
    if budget.iterations is not None:
        return budget
    iterations = {name: config.schedule.iterations for name, config in configs.items()}
    if len(set(iterations.values())) > 1:
        found = listed([f"{name}: {number}" for name, number in iterations.items()])
        raise ConfigError(
            f"the configurations train for different numbers of iterations ({found}); set one "
            "budget for all with --iterations or --minutes"
        )
    return Budget(iterations=next(iter(iterations.values())))


def plan_runs(
    configs: dict[str, Config],
    budget: Budget,
    *,
    seeds: Sequence[int] = (),
    save_dir: Path,
    device: str,
) -> list[Run]:
    """Return all runs, seed by seed, so that even an unfinished ablation compares configurations.

    Args:
        configs: name -> configuration.
        budget: see `budget_of`.
        seeds: seeds for every configuration; if empty, each uses its own.
        save_dir: folder of the ablation.
        device: as in a configuration.
    """
    numbers = seeds or [None]
    return [
        _run(name, config, budget, seed, len(numbers) > 1, save_dir / RUNS, device)
        for seed in numbers
        for name, config in configs.items()
    ]


def _run(
    name: str,
    config: Config,
    budget: Budget,
    seed: int | None,
    several: bool,
    folder: Path,
    device: str,
) -> Run:
    seed = config.seed if seed is None else seed
    schedule = config.schedule.model_copy(
        update={"iterations": budget.iterations or UNLIMITED, "minutes": budget.minutes}
    )
    own = {
        "seed": seed,
        "output_dir": str(folder / name / f"seed_{seed}"),
        "device": device,
        "resume": "auto",
        "schedule": schedule,
    }
    label = f"{name}, seed {seed}" if several else name
    return Run(name, seed, label, config.model_copy(update=own))
