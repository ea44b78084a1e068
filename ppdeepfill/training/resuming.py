# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Decide whether a run starts from the beginning or from a checkpoint."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ppdeepfill import parallel
from ppdeepfill.config import Config
from ppdeepfill.errors import CheckpointError
from ppdeepfill.weights.checkpoint import (
    Saved,
    checkpoint_folders,
    newest_checkpoint,
    read_checkpoint,
)

logger = logging.getLogger(__name__)

# Keys, or prefixes of keys, that determine the arrays and their shapes.
DETERMINE_ARRAYS = ("network.", "objective.", "mask.size", "data.image_size")


def checkpoint_to_resume(config: Config) -> Saved | None:
    """Return the checkpoint that `config.resume` stands for; None to start from the beginning.

    Raises:
        CheckpointError: there is no usable checkpoint, or two runs would mix in output_dir.
    """
    own = checkpoint_folders(config.output_dir)
    if config.resume == "auto":
        newest = newest_checkpoint(config.output_dir)
        if own and newest is None:
            raise CheckpointError(
                f"no checkpoint in {config.output_dir} is complete; delete its folder checkpoints "
                "to start a new run, or set another output_dir"
            )
        return newest
    if config.resume == "none":
        if own:
            raise CheckpointError(
                f"{config.output_dir} contains checkpoints of an earlier run, but resume is none; "
                "set another output_dir, or resume=auto to continue that run"
            )
        return None
    return _named_checkpoint(Path(config.resume), own)


def check_same_start(start: Saved | None) -> None:
    """Check that all processes start from the same checkpoint, or all from the beginning.

    Raises:
        CheckpointError: they do not, such as on machines that do not share output_dir.
    """
    own = 0 if start is None else start.checkpoint.generator.iteration
    iterations = parallel.gathered([own])
    if len(set(iterations)) > 1:
        raise CheckpointError(
            "the processes found checkpoints of different iterations: "
            f"{', '.join(map(str, iterations))} (0: none); output_dir and resume must be in a "
            "folder that all machines share"
        )


def _named_checkpoint(path: Path, own: list[Path]) -> Saved:
    named = path.is_dir() and path.name.startswith("iter_")
    found = Saved(path, read_checkpoint(path)) if named else newest_checkpoint(path)
    if found is None:
        raise CheckpointError(
            f"resume={path} is not a checkpoint; use a folder checkpoints/iter_..., the output_dir "
            "of a run, or auto to continue in this output_dir"
        )
    name = found.folder.name
    later = [folder.name for folder in own if folder.name > name]
    if later:
        raise CheckpointError(
            f"{own[0].parent} contains checkpoints later than {name}: {', '.join(later)}; "
            "set another output_dir, or resume=auto to continue from the latest"
        )
    return found


def check_same_method(then: dict, now: dict) -> None:
    """Refuse to continue a run with another network or objective; log other differences.

    Args:
        then: configuration stored in the checkpoint, as nested dicts.
        now: current configuration, as nested dicts.

    Raises:
        CheckpointError: the network or the objective differs.
    """
    for key in ("network", "objective"):
        if then[key]["name"] != now[key]["name"]:
            raise CheckpointError(
                f"the checkpoint was trained with {key} {then[key]['name']}, but the configuration "
                f"asks for {now[key]['name']}; set another output_dir to start a new run"
            )
    for key, (old, new) in differences(then, now).items():
        logger.info("changed since the checkpoint: %s: %s -> %s", key, old, new)


@contextmanager
def naming_changed_options(then: dict, now: dict) -> Iterator[None]:
    """Within this context, a CheckpointError about arrays names the changed options instead.

    Args:
        then: configuration stored in the checkpoint, as nested dicts.
        now: current configuration, as nested dicts.
    """
    try:
        yield
    except CheckpointError as error:
        changed = [
            f"{key} was {old} and is {new}"
            for key, (old, new) in differences(then, now).items()
            if key.startswith(DETERMINE_ARRAYS)
        ]
        if not changed:
            raise
        raise CheckpointError(
            f"the checkpoint does not match the configuration: {', '.join(changed)}; use the value "
            "that it was trained with, or another output_dir to start a new run"
        ) from error


def differences(then: dict, now: dict) -> dict[str, tuple]:
    """Dotted key -> both values, for keys that differ; None where a key is missing."""
    then, now = _leaves(then), _leaves(now)
    return {
        key: (then.get(key), now.get(key))
        for key in sorted(then.keys() | now.keys())
        if then.get(key) != now.get(key)
    }


def _leaves(tree: dict, path: str = "") -> dict:
    """Flatten nested dicts into one dict with dotted keys."""
    leaves = {}
    for key, value in tree.items():
        leaves |= (
            _leaves(value, f"{path}{key}.") if isinstance(value, dict) else {path + key: value}
        )
    return leaves
