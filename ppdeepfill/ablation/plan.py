# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Which runs an ablation consists of: every configuration with every seed, under one budget."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ppdeepfill.config import Config, load_config
from ppdeepfill.errors import ConfigError, listed

RUNS = "runs"  # below the folder of an ablation
# Where only the time ends a run: more iterations than anyone waits for, with room in the names of
# checkpoints.
UNLIMITED = 10_000_000
# What an ablation sets itself, and by which argument.
SET_BY = {
    "seed": "--seeds",
    "output_dir": "--save_dir",
    "device": "--device",
    "schedule.iterations": "--iterations",
    "schedule.minutes": "--minutes",
}


class Budget(NamedTuple):
    """How long each run trains: the one that is not None.

    Attributes:
        iterations: of each run.
        minutes: of training time of each run, see `Meter.total_seconds`.
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
        name: of its configuration.
        seed: of weights, data and masks.
        label: the name, with the seed where there are several.
        config: with seed, budget and output_dir filled in.
    """

    name: str
    seed: int
    label: str
    config: Config

    @property
    def folder(self) -> Path:
        return Path(self.config.output_dir)


def load_configs(files: Sequence[Path], overrides: Sequence[str] = ()) -> dict[str, Config]:
    """The configurations by name, which is that of the file without its ending.

    Raises:
        ConfigError: a file, key or value is not valid, two files have one name, or an override sets
            what the ablation sets.
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
    """The budget as given, or else the iterations that all configurations agree on.

    Raises:
        ConfigError: none is given and they differ, or a learning rate needs to know its end.
    """
    if budget.minutes is not None:
        cosine = [n for n, c in configs.items() if c.optimizer.schedule.kind == "cosine"]
        if cosine:
            raise ConfigError(
                f"--minutes leaves the number of iterations open, but the cosine learning rate of "
                f"{listed(cosine)} needs it; give --iterations"
            )
        return budget
    if budget.iterations is not None:
        return budget
    iterations = {name: config.schedule.iterations for name, config in configs.items()}
    if len(set(iterations.values())) > 1:
        found = listed([f"{name}: {number}" for name, number in iterations.items()])
        raise ConfigError(
            f"the configurations train for different numbers of iterations ({found}); give all one "
            "budget by --iterations or --minutes"
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
    """All runs, seed by seed, so that an unfinished ablation compares configurations already.

    Args:
        configs: by name.
        budget: of `budget_of`.
        seeds: of every configuration; none: each has its own.
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
