# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Weights of other codes, or in other forms, made into generator files of ours.

Every array of the source is used or listed as left out; every weight of the network is filled, or
nothing is written.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from numpy import ndarray

from ppdeepfill.atomic_write import check_writable, file_identity, written_whole
from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files import read_arrays
from ppdeepfill.weight_files.tensorflow.bundle import read_bundle
from ppdeepfill.weight_files.tensorflow.paths import OF_FILES, STATE, find_index
from ppdeepfill.weights.checkpoint import CRITICS, GENERATOR
from ppdeepfill.weights.converters.recognition import (
    Found,
    Origin,
    recognise_critics,
    recognise_generator,
)
from ppdeepfill.weights.finding import DEMO, find_generator
from ppdeepfill.weights.generator_file import (
    Generator,
    is_generator,
    read_generator,
    write_critics,
    write_generator,
)
from ppdeepfill.weights.recorded_arrays import SUFFIXES

PORT_CRITIC_STEPS = 5  # the port counts critic updates, an iteration here is a generator update
TRAINING_STATE = r"(^|/)(Adam|Adam_1|beta[12]_power|lr|global_step)$"  # of the authors' code
FOREIGN_SUFFIXES = (".pt", ".pth", ".p", ".pkl", ".npz", ".npy", ".ckpt", ".h5", ".onnx")


class Conversion(NamedTuple):
    """What a source became.

    Attributes:
        generator: the network.
        critics: those of its training, by our names; empty where the source has none.
        origins: our name to the source's, of generator and critics.
        left_out: why an array of the source is not used, by its name.
    """

    generator: Generator
    critics: dict[str, ndarray]
    origins: dict[str, str]
    left_out: dict[str, str]


class _Source(NamedTuple):
    arrays: dict[str, ndarray]
    left_out: dict[str, str]
    iteration: int


def convert(
    source: str | Path,
    destination: str | Path,
    *,
    origin: Origin,
    network: str | None = None,
    overwrite: bool = False,
) -> Conversion:
    """Read weights and write them as ours, whole or not at all.

    Args:
        source: of "tensorflow": the authors' checkpoint (its folder, its prefix such as
            `folder/snap-0`, or one of its files), or their weights under the port's names
            (`torch_model.p`). Of "torch": a file of the port (`gen_00430000.pt`, also as `.npz`),
            or a folder with `gen_*.pt` and `dis_*.pt`. Of "paddle": a generator file, the
            output_dir of a run, or a state dict saved with `paddle.save`.
        destination: a file `.safetensors` or `.pdparams` for the generator alone; else a new
            folder for `generator.safetensors` and, if there are critics, `critics.safetensors`.
        origin: whose weights they are. It decides arithmetic and channel order: the authors'
            networks are for BGR images and TensorFlow's borders, the port's are not.
        network: a key of `NETWORKS`, for state dicts of Paddle that do not tell theirs.
        overwrite: replace what an earlier conversion wrote to `destination`.

    Raises:
        WeightsError: the source is damaged, incomplete, of another network or holds more than
            arrays; or the destination is taken.
    """
    source, destination = Path(source), Path(destination)
    _check_free(destination, overwrite=overwrite)
    if file_identity(destination) in map(file_identity, (source, *source.parents[:1])):
        raise WeightsError(f"{destination} is, or holds, the source; name another one")
    check_writable(destination.parent, change="DST")
    conversion = _read(source, origin, network)
    if destination.suffix in SUFFIXES:
        conversion = _generator_alone(conversion)
    _write(conversion, destination)
    return conversion


def report(conversion: Conversion) -> Iterator[str]:
    """Lines of a table: every array of the source and what became of it."""
    weights = {**conversion.generator.weights, **conversion.critics}
    width = max(len(name) for name in (*conversion.origins.values(), *conversion.left_out))
    for ours, theirs in conversion.origins.items():
        yield f"{theirs:{width}}  ->  {ours} {list(weights[ours].shape)}"
    for theirs, reason in conversion.left_out.items():
        yield f"{theirs:{width}}  left out: {reason}"
    network, options, iteration, _ = conversion.generator
    options = ", ".join(f"{key} {value}" for key, value in options.items())
    yield (
        f"{network} ({options}), iteration {iteration}: {len(conversion.generator.weights)} weights"
        f" of the generator and {len(conversion.critics)} of the critics filled, "
        f"{len(conversion.left_out)} arrays left out"
    )


def _read(path: Path, origin: Origin, network: str | None) -> Conversion:
    if origin == "paddle":
        path = find_generator(path) if path.is_dir() or str(path) == DEMO else path
        if path.is_file() and is_generator(path):
            generator = read_generator(path)
            return Conversion(generator, {}, {name: name for name in sorted(generator.weights)}, {})
    source = {"tensorflow": _read_authors, "torch": _read_port, "paddle": _read_file}[origin](path)
    try:
        name, options, generator = recognise_generator(source.arrays, origin, network)
        critics = recognise_critics(source.arrays, origin) or Found({}, {})
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
    origins = generator.origins | critics.origins
    used = set(origins.values())
    unused = {name: _reason(name) for name in source.arrays if name not in used}
    return Conversion(
        Generator(name, options, source.iteration, generator.weights),
        critics.weights,
        origins,
        source.left_out | unused,
    )


def _read_authors(path: Path) -> _Source:
    part_of_checkpoint = path.name == STATE or re.search(OF_FILES, path.name)
    if path.is_file() and not part_of_checkpoint:
        return _read_file(path)
    arrays, left_out = read_bundle(path)
    return _Source(arrays, left_out, _number_in(find_index(path).stem))


def _read_port(path: Path) -> _Source:
    files = [path]
    if path.is_dir():
        generators = sorted(path.glob("gen_*.pt"))
        if not generators:
            raise WeightsError(f"{path} holds no gen_*.pt; give a file or a folder of the port")
        critics = path / generators[-1].name.replace("gen_", "dis_")
        files = [generators[-1], *([critics] if critics.is_file() else [])]
    arrays = {}
    for file in files:
        arrays |= read_arrays(file)
    return _Source(arrays, {}, _number_in(files[0].stem) // PORT_CRITIC_STEPS)


def _read_file(path: Path) -> _Source:
    return _Source(read_arrays(path), {}, 0)


def _number_in(stem: str) -> int:
    """The count at the end of a name such as gen_00430000 or snap-0."""
    number = re.search(r"(?:gen_|snap-)(\d{1,18})$", stem)
    return int(number[1]) if number else 0


def _reason(name: str) -> str:
    return "state of the training" if re.search(TRAINING_STATE, name) else "not of this network"


def _generator_alone(conversion: Conversion) -> Conversion:
    ours = conversion.generator.weights
    reason = "a critic's; give a folder as the destination to keep it"
    critics = {theirs: reason for name, theirs in conversion.origins.items() if name not in ours}
    origins = {name: theirs for name, theirs in conversion.origins.items() if name in ours}
    return Conversion(conversion.generator, {}, origins, conversion.left_out | critics)


def _check_free(destination: Path, *, overwrite: bool) -> None:
    if destination.suffix in FOREIGN_SUFFIXES:
        raise WeightsError(
            f"{destination} cannot be written; name a folder, or a file that ends in "
            + " or ".join(SUFFIXES)
        )
    if not destination.exists():
        return
    if destination.is_dir():
        foreign = {entry.name for entry in destination.iterdir()} - {GENERATOR, CRITICS}
        if destination.suffix in SUFFIXES or foreign:
            raise WeightsError(f"{destination} is a folder with other things in it; name a new one")
        if overwrite or not any(destination.iterdir()):
            return
    elif destination.suffix not in SUFFIXES:
        raise WeightsError(
            f"{destination} is a file; name a new folder, or a file that ends in "
            + " or ".join(SUFFIXES)
        )
    elif overwrite:
        return
    raise WeightsError(f"{destination} exists; name another one, or add --overwrite")


def _write(conversion: Conversion, destination: Path) -> None:
    """Write, and read back what was written before it takes its name."""
    with written_whole(destination) as partial:
        file = partial
        if destination.suffix not in SUFFIXES:
            partial.mkdir()
            file = partial / GENERATOR
            if conversion.critics:
                kind = conversion.generator.network
                write_critics(partial / CRITICS, conversion.critics, kind=kind)
        write_generator(file, conversion.generator)
        read_generator(file)
