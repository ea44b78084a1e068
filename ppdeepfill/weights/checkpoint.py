# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints on disk; the names of their files are defined only here.

    output_dir/checkpoints/iter_00010000/generator.safetensors   the network: weights, name, options
                                         training.safetensors    everything else training needs
    output_dir/best_model/generator.safetensors

Both kinds of file contain plain arrays, JSON metadata and a checksum: reading them runs no code,
and damage is detected. A checkpoint appears under its name only once all of it is on disk.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from numpy import ndarray

from ppdeepfill import atomic_write
from ppdeepfill.atomic_write import written_whole
from ppdeepfill.errors import CheckpointError
from ppdeepfill.weights.generator_file import (
    Generator,
    read_generator,
    write_generator,
)
from ppdeepfill.weights.recorded_arrays import read_recorded, write_recorded

GENERATOR = "generator.safetensors"
CRITICS = "critics.safetensors"  # in the folder of a converted generator
TRAINING = "training.safetensors"

logger = logging.getLogger(__name__)


class Checkpoint(NamedTuple):
    """Everything that a training run needs to continue.

    Attributes:
        generator: the trained network.
        arrays: critics and optimizers by structured name.
        progress: scores, running means and loss scales, as JSON values.
        config: the resolved configuration.
    """

    generator: Generator
    arrays: dict[str, ndarray]
    progress: dict
    config: dict


class Saved(NamedTuple):
    """A checkpoint on disk, and what was read from it."""

    folder: Path
    checkpoint: Checkpoint


def save_checkpoint(output_dir: Path, checkpoint: Checkpoint, *, keep: int) -> Path:
    """Write a checkpoint, then delete older ones except the last `keep - 1`.

    Raises:
        CheckpointError: it cannot be written; earlier checkpoints are untouched.
    """
    folder = _checkpoint_folder(output_dir, checkpoint.generator.iteration)
    metadata = {"progress": checkpoint.progress, "config": checkpoint.config}
    with _saved_whole(folder) as partial:
        partial.mkdir()
        write_generator(partial / GENERATOR, checkpoint.generator)
        write_recorded(partial / TRAINING, checkpoint.arrays, metadata)
    remove_superseded(folder, keep=keep)
    return folder


def remove_superseded(newest: Path, *, keep: int) -> None:
    """Remove the checkpoints of a run that are older than one of them, except the last `keep - 1`.

    Args:
        newest: folder of the one.
        keep: number of checkpoints to keep, this one included.
    """
    older = [f for f in checkpoint_folders(newest.parents[1]) if f.name < newest.name]
    for superseded in older[: max(len(older) - keep + 1, 0)]:
        atomic_write.remove_whole(superseded)


def save_best(output_dir: Path, generator: Generator) -> Path:
    """Replace the best model of a run.

    Raises:
        CheckpointError: it cannot be written; the previous one is untouched.
    """
    target = best_model(output_dir)
    with _saved_whole(target) as partial:
        write_generator(partial, generator)
    return target


def checkpoint_folders(output_dir: Path) -> list[Path]:
    """Return the checkpoints of a run, complete or not, oldest first."""
    folders = (Path(output_dir) / "checkpoints").glob("iter_*")
    return sorted(f for f in folders if re.fullmatch(r"iter_\d{8}", f.name))


def newest_checkpoint(output_dir: Path) -> Saved | None:
    """The newest complete checkpoint of a run; incomplete ones are passed over with a warning."""
    for folder in reversed(checkpoint_folders(output_dir)):
        try:
            return Saved(folder, read_checkpoint(folder))
        except CheckpointError as error:
            logger.warning("skipped an unusable checkpoint: %s", error)
    return None


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read one `iter_*` folder.

    Raises:
        CheckpointError: a file is missing, damaged or of another format.
    """
    generator = read_generator(Path(folder) / GENERATOR)
    metadata, arrays = read_recorded(Path(folder) / TRAINING)
    try:
        return Checkpoint(generator, arrays, metadata["progress"], metadata["config"])
    except KeyError as error:
        raise CheckpointError(f"{folder}/{TRAINING} does not contain {error}") from None


def remove_leftovers(output_dir: Path) -> None:
    """Remove partial files left by a killed run."""
    output_dir = Path(output_dir)
    for folder in ("", "checkpoints", "best_model", "images"):
        atomic_write.remove_leftovers(output_dir / folder)


def _checkpoint_folder(output_dir: Path, iteration: int) -> Path:
    return Path(output_dir) / "checkpoints" / f"iter_{iteration:08d}"


def best_model(output_dir: Path) -> Path:
    """Return the path of a run's best model, a generator file."""
    return Path(output_dir) / "best_model" / GENERATOR


@contextmanager
def _saved_whole(target: Path) -> Iterator[Path]:
    """Like `written_whole`, with an error that says what to do."""
    try:
        with written_whole(target) as partial:
            yield partial
    except OSError as error:
        raise CheckpointError(
            f"cannot write {target}: {error.strerror or error}; earlier checkpoints are untouched. "
            "Free some space or change output_dir, then run the same command again"
        ) from error
