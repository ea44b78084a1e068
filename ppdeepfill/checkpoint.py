# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints on disk; the only file that knows their names.

    output_dir/checkpoints/iter_00010000/generator.safetensors   the network: weights, name, options
                                         training.safetensors    all else that training needs
    output_dir/best_model/generator.safetensors

Both kinds of file hold plain arrays and one JSON record: reading them runs no code. A checkpoint
appears under its name only when all of it is on disk.
"""

import json
import logging
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from numpy import ndarray
from paddle import nn
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ppdeepfill import atomic_write
from ppdeepfill.atomic_write import synchronise, written_whole
from ppdeepfill.errors import CheckpointError
from ppdeepfill.networks import build_network

FORMAT_VERSION = 1
GENERATOR = "generator.safetensors"
TRAINING = "training.safetensors"
LISTED = 5  # names in a message; a network of another width has none right
RECORD = "ppdeepfill"  # the one metadata key; several would be written in random order

logger = logging.getLogger(__name__)


class Generator(NamedTuple):
    """What people download: enough to build the network and fill it.

    Attributes:
        network: a key of `ppdeepfill.networks.NETWORKS`.
        options: keyword arguments of its builder.
        iteration: how long it was trained.
        weights: arrays by structured name.
    """

    network: str
    options: dict
    iteration: int
    weights: dict[str, ndarray]


class Checkpoint(NamedTuple):
    """Everything that a training run needs in order to go on.

    Attributes:
        generator: the network that is trained.
        arrays: critics and optimizers by structured name.
        progress: scores and running means, as JSON can hold them.
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
        _write_generator(partial / GENERATOR, checkpoint.generator)
        _write(partial / TRAINING, checkpoint.arrays, record)
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
        _write_generator(partial, generator)
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
                with _opened(folder / name):
                    pass
            return folder
        except CheckpointError as error:
            logger.warning("checkpoint passed over: %s", error)
    return None


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read one `iter_*` folder.

    Raises:
        CheckpointError: a file is missing, cut short or of another format.
    """
    generator = read_generator(Path(folder) / GENERATOR)
    with _opened(Path(folder) / TRAINING) as (file, record):
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 not a dict
    return Checkpoint(generator, arrays, record["progress"], record["config"])


def find_generator(path: str | Path) -> Path:
    """The generator file that a path stands for.

    Args:
        path: a generator file, a folder that holds one (`iter_*`, `best_model`), or the output_dir
            of a run, which stands for its best model, or for its newest checkpoint if it has none.

    Raises:
        CheckpointError: no generator there.
    """
    path = Path(path)
    if path.is_file():
        return path
    for candidate in (path / GENERATOR, _best(path)):
        if candidate.is_file():
            return candidate
    newest = newest_checkpoint(path)
    if newest is None:
        raise CheckpointError(
            f"no {GENERATOR} at {path}; give that file, a folder that holds it "
            "(checkpoints/iter_..., best_model) or the output_dir of a training run"
        )
    return newest / GENERATOR


def newest_run(folder: Path) -> Path:
    """The output_dir below a folder whose generator was written last.

    Raises:
        CheckpointError: there is none.
    """
    written = [*folder.glob(f"**/best_model/{GENERATOR}"), *folder.glob(f"**/iter_*/{GENERATOR}")]
    if not written:
        raise CheckpointError(
            f"no trained network below {folder}; train one first (python train.py), or say where "
            "it is: --model_path PATH"
        )
    newest = max(written, key=lambda file: file.stat().st_mtime_ns)
    return newest.parents[1 if newest.parent.name == "best_model" else 2]


def read_generator(path: Path) -> Generator:
    """Read one generator file.

    Raises:
        CheckpointError: it is missing, cut short or of another kind.
    """
    with _opened(path) as (file, record):
        if "network" not in record:
            raise CheckpointError(f"{path} holds no generator; give the {GENERATOR} beside it")
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 not a dict
    return Generator(record["network"], record["options"], record["iteration"], weights)


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

    Raises:
        CheckpointError: an unknown network or option, or weights that do not fit.
    """
    try:
        network = build_network(generator.network, **generator.options)
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{source}: {error}") from error
    load_weights(network, generator.weights, source=source)
    return network


def load_weights(layer: nn.Layer, weights: Mapping[str, ndarray], *, source: str) -> None:
    """Fill a layer with arrays whose names and shapes match exactly.

    Raises:
        CheckpointError: missing, unexpected or mis-shaped names; lists the first of them.
    """
    own = layer.state_dict()
    wrong = [f"missing {name}" for name in own if name not in weights]
    wrong += [f"unexpected {name}" for name in weights if name not in own]
    wrong += [
        f"{name} is {list(weights[name].shape)}, expected {list(tensor.shape)}"
        for name, tensor in own.items()
        if name in weights and list(weights[name].shape) != list(tensor.shape)
    ]
    if wrong:
        if len(wrong) > LISTED:
            wrong[LISTED:] = [f"and {len(wrong) - LISTED} more"]
        raise CheckpointError(f"{source} does not fit this network:\n  " + "\n  ".join(wrong))
    for name, tensor in own.items():
        tensor.set_value(weights[name])


def remove_leftovers(output_dir: Path) -> None:
    """Remove what a killed run had begun to write."""
    for folder in (_checkpoint_folder(output_dir, 0).parent, _best(output_dir).parent):
        atomic_write.remove_leftovers(folder)


def _checkpoint_folder(output_dir: Path, iteration: int) -> Path:
    return Path(output_dir) / "checkpoints" / f"iter_{iteration:08d}"


def _best(output_dir: Path) -> Path:
    return Path(output_dir) / "best_model" / GENERATOR


def _write_generator(path: Path, generator: Generator) -> None:
    record = {k: v for k, v in generator._asdict().items() if k != "weights"}
    _write(path, generator.weights, record)


def _write(path: Path, arrays: Mapping[str, ndarray], record: dict) -> None:
    record = json.dumps({"format_version": FORMAT_VERSION, **record})
    path.write_bytes(save(dict(arrays), metadata={RECORD: record}))
    synchronise(path)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[safe_open, dict]]:
    """An open file of ours and its record; the header is checked against the file's size."""
    try:
        with safe_open(path, framework="numpy") as file:
            record = json.loads((file.metadata() or {}).get(RECORD, "null"))
            if record is None:
                raise CheckpointError(f"{path} was not written by ppdeepfill")
            if record["format_version"] > FORMAT_VERSION:
                raise CheckpointError(f"{path} was written by a newer ppdeepfill; update this one")
            yield file, record
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing") from None
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} cannot be read ({error}); it was cut short or is no safetensors file"
        ) from None


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
