# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints on disk; the only file that knows their names.

    output_dir/checkpoints/iter_00010000/generator.safetensors   the network: weights, name, options
                                         training.safetensors    all else that training needs
    output_dir/best_model/generator.safetensors

Both kinds of file hold plain arrays and one JSON record with a checksum: reading them runs no code,
and damage is noticed. A checkpoint appears under its name only when all of it is on disk.
"""

import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import paddle
from numpy import ndarray
from paddle import nn

from ppdeepfill import atomic_write
from ppdeepfill.atomic_write import written_whole
from ppdeepfill.errors import CheckpointError
from ppdeepfill.foreign_models import advice_on
from ppdeepfill.generator_file import (
    Generator,
    check_names,
    load_weights,
    read_generator,
    write_generator,
)
from ppdeepfill.networks import build_network
from ppdeepfill.recorded_arrays import read_recorded, write_recorded

RUNS = Path("output")  # where runs are looked for
GENERATOR = "generator.safetensors"
CRITICS = "critics.safetensors"  # beside a converted generator
TRAINING = "training.safetensors"

logger = logging.getLogger(__name__)


class Checkpoint(NamedTuple):
    """Everything that a training run needs in order to go on.

    Attributes:
        generator: the network that is trained.
        arrays: critics and optimizers by structured name.
        progress: scores, running means and loss scales, as JSON can hold them.
        config: the resolved configuration.
    """

    generator: Generator
    arrays: dict[str, ndarray]
    progress: dict
    config: dict


def save_checkpoint(output_dir: Path, checkpoint: Checkpoint, *, keep: int) -> Path:
    """Write one checkpoint, then remove all older ones but the last `keep - 1`.

    Raises:
        CheckpointError: it cannot be written; what was there before is untouched.
    """
    folder = _checkpoint_folder(output_dir, checkpoint.generator.iteration)
    record = {"progress": checkpoint.progress, "config": checkpoint.config}
    with _saved_whole(folder) as partial:
        partial.mkdir()
        write_generator(partial / GENERATOR, checkpoint.generator)
        write_recorded(partial / TRAINING, checkpoint.arrays, record)
    older = [f for f in checkpoint_folders(output_dir) if f.name < folder.name]
    for superseded in older[: max(len(older) - keep + 1, 0)]:
        shutil.rmtree(superseded)
    return folder


def save_best(output_dir: Path, generator: Generator) -> Path:
    """Replace the best model of a run.

    Raises:
        CheckpointError: it cannot be written; the one before is untouched.
    """
    target = _best(output_dir)
    with _saved_whole(target) as partial:
        write_generator(partial, generator)
    return target


def checkpoint_folders(output_dir: Path) -> list[Path]:
    """The checkpoints of a run, complete or not, oldest first."""
    folders = (Path(output_dir) / "checkpoints").glob("iter_*")
    return sorted(f for f in folders if re.fullmatch(r"iter_\d{8}", f.name))


def newest_checkpoint(output_dir: Path) -> Path | None:
    """The newest complete checkpoint of a run; incomplete ones are passed over with a warning."""
    for folder in reversed(checkpoint_folders(output_dir)):
        try:
            for name in (GENERATOR, TRAINING):
                read_recorded(folder / name)
            return folder
        except CheckpointError as error:
            logger.warning("checkpoint passed over: %s", error)
    return None


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read one `iter_*` folder.

    Raises:
        CheckpointError: a file is missing, damaged or of another format.
    """
    generator = read_generator(Path(folder) / GENERATOR)
    record, arrays = read_recorded(Path(folder) / TRAINING)
    try:
        return Checkpoint(generator, arrays, record["progress"], record["config"])
    except KeyError as error:
        raise CheckpointError(f"{folder}/{TRAINING} does not tell its {error}") from None


def find_generator(path: str | Path) -> Path:
    """The generator file that a path stands for.

    Args:
        path: a generator file, a folder that holds one (`iter_*`, `best_model`), or the output_dir
            of a run, which stands for its best model, or for its newest checkpoint if it has none.

    Raises:
        CheckpointError: no generator there, or a network of another form.
    """
    path = Path(path)
    if path.is_file() and advice_on(path) is None:
        return path
    for candidate in (path / GENERATOR, _best(path)):
        if candidate.is_file():
            return candidate
    newest = newest_checkpoint(path)
    if newest is None:
        advice = advice_on(path) or (
            "give that file, a folder that holds it (checkpoints/iter_..., best_model) or the "
            "output_dir of a training run"
        )
        raise CheckpointError(f"no {GENERATOR} at {path}; {advice}")
    return newest / GENERATOR


def newest_run(folder: Path = RUNS) -> Path:
    """The output_dir of a run, or the converted network, whose generator was written last.

    Args:
        folder: it lies anywhere below this one.

    Raises:
        CheckpointError: there is none.
    """
    written = [
        file
        for file in folder.rglob(GENERATOR)
        if not any(part.startswith(atomic_write.PARTIAL) for part in file.parts)
    ]
    if not written:
        raise CheckpointError(
            f"no trained network below {folder}; train one first (python train.py), or say where "
            "it is: --model_path PATH"
        )
    place = max(written, key=lambda file: file.stat().st_mtime_ns).parent
    if place.parent.name == "checkpoints":
        return place.parent.parent
    return place.parent if place.name == "best_model" else place


def load_generator(path: str | Path) -> nn.Layer:
    """Build the network of a checkpoint, with its weights.

    Args:
        path: see `find_generator`.

    Raises:
        CheckpointError: no generator there, or a file that is not one.
    """
    return filled_network(read_generator(find_generator(path)), source=str(path))


def filled_network(generator: Generator, *, source: str) -> nn.Layer:
    """Build the network of a generator, with its weights.

    Args:
        generator: name, options and weights.
        source: where it comes from, for error messages.

    Raises:
        CheckpointError: an unknown network or option, or weights that do not fit.
    """
    with paddle.LazyGuard():  # no memory before the shapes are known to fit
        network = _built(generator, source=source)
    check_names(network, generator.weights, source=source)
    for parameter in network.parameters():
        parameter.initialize()
    load_weights(network, generator.weights, source=source)
    return network


def remove_leftovers(output_dir: Path) -> None:
    """Remove what a killed run had begun to write."""
    for folder in (_checkpoint_folder(output_dir, 0).parent, _best(output_dir).parent):
        atomic_write.remove_leftovers(folder)


def _checkpoint_folder(output_dir: Path, iteration: int) -> Path:
    return Path(output_dir) / "checkpoints" / f"iter_{iteration:08d}"


def _best(output_dir: Path) -> Path:
    return Path(output_dir) / "best_model" / GENERATOR


def _built(generator: Generator, *, source: str) -> nn.Layer:
    try:
        return build_network(generator.network, **generator.options)
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{source} describes no network of this package: {error}") from None


@contextmanager
def _saved_whole(target: Path) -> Iterator[Path]:
    """`written_whole` with an error for people."""
    try:
        with written_whole(target) as partial:
            yield partial
    except OSError as error:
        raise CheckpointError(
            f"cannot write {target}: {error.strerror or error}; earlier checkpoints are untouched. "
            "Free some space or change output_dir, then start the same command again"
        ) from error
