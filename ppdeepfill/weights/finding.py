# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Find the generator that a path refers to, and build its network."""

import logging
from pathlib import Path

import paddle
from paddle import nn

from ppdeepfill import atomic_write
from ppdeepfill.errors import CheckpointError
from ppdeepfill.networks import build_network
from ppdeepfill.weights.checkpoint import GENERATOR, best_model, newest_checkpoint
from ppdeepfill.weights.foreign_models import advice_on
from ppdeepfill.weights.generator_file import (
    Generator,
    check_names,
    load_weights,
    read_generator,
)

RUNS = Path("output")  # where to look for runs
DEMO, DEMO_SMALL = "demo", "demo_small"  # networks that ship with the package
# Their folders by name, which stands for them instead of a path; card.md says what to expect.
SHIPPED = {name: Path(__file__).parent / "shipped" / name for name in (DEMO, DEMO_SMALL)}

logger = logging.getLogger(__name__)


def find_generator(path: str | Path) -> Path:
    """Return the generator file that a path refers to.

    Args:
        path: a generator file, a folder that contains one (`iter_*`, `best_model`), or the
            output_dir of a run, which stands for its best model, or for its newest checkpoint if it
            has none. `demo` and `demo_small` stand for the networks that ship with the package,
            unless there is a network of your own at that path.

    Raises:
        CheckpointError: there is no generator, or the network is in another format.
    """
    path = Path(path)
    if path.is_file() and advice_on(path) is None:
        return path
    for candidate in (path / GENERATOR, best_model(path)):
        if candidate.is_file():
            return candidate
    newest = newest_checkpoint(path)
    if newest is None and str(path) in SHIPPED:
        return SHIPPED[str(path)] / GENERATOR
    if newest is None:
        advice = advice_on(path) or (
            "use that file, a folder that contains it (checkpoints/iter_..., best_model) or the "
            "output_dir of a training run"
        )
        raise CheckpointError(f"no {GENERATOR} at {path}; {advice}")
    return newest.folder / GENERATOR


def default_model() -> Path:
    """Return the network to use if none is named: the newest run, or else demo."""
    newest = newest_run()
    if newest is None:
        logger.info("no trained network below %s: using demo, which ships with the package", RUNS)
        return Path(DEMO)
    return newest


def newest_run(folder: Path = RUNS) -> Path | None:
    """Return the first of `runs`; None if there is none."""
    return next(iter(runs(folder)), None)


def runs(folder: Path = RUNS) -> list[Path]:
    """Return the output_dirs of runs, and converted networks, newest first.

    Args:
        folder: where to look, including subfolders.
    """
    written = [
        file
        for file in folder.rglob(GENERATOR)
        if not any(part.startswith(atomic_write.PARTIAL) for part in file.parts)
    ]
    written.sort(key=lambda file: file.stat().st_mtime_ns, reverse=True)
    return list(dict.fromkeys(_run_of(file.parent) for file in written))


def _run_of(place: Path) -> Path:
    """The output_dir of the run that wrote a generator to this folder, else the folder."""
    if place.parent.name == "checkpoints":
        return place.parent.parent
    return place.parent if place.name == "best_model" else place


def load_generator(path: str | Path) -> nn.Layer:
    """Build the network of a checkpoint, with its weights.

    Args:
        path: see `find_generator`.

    Raises:
        CheckpointError: there is no generator, or the file is not one.
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
    with paddle.LazyGuard():  # allocate nothing before the shapes have been checked
        network = _built(generator, source=source)
    check_names(network, generator.weights, source=source)
    for parameter in network.parameters():
        parameter.initialize()
    load_weights(network, generator.weights, source=source)
    return network


def _built(generator: Generator, *, source: str) -> nn.Layer:
    try:
        return build_network(generator.network, **generator.options)
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{source} is not for a network of this package: {error}") from None
