# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Convert weights of other implementations, or in other formats, to our generator files.

Every array of the source is either used or listed as left out. Nothing is written unless every
weight of the network is filled.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from numpy import ndarray

from ppdeepfill.atomic_write import check_writable, file_identity, written_whole
from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files import read_arrays
from ppdeepfill.weight_files.tensorflow.bundle import read_bundle
from ppdeepfill.weight_files.tensorflow.paths import OF_FILES, STATE, find_index
from ppdeepfill.weights.checkpoint import CRITICS, GENERATOR
from ppdeepfill.weights.converters.filling import Found
from ppdeepfill.weights.converters.recognition import (
    Origin,
    recognise_critics,
    recognise_generator,
)
from ppdeepfill.weights.finding import SHIPPED, find_generator
from ppdeepfill.weights.generator_file import (
    Generator,
    is_generator,
    read_generator,
    write_critics,
    write_generator,
)
from ppdeepfill.weights.recorded_arrays import SUFFIXES

PORT_CRITIC_STEPS = 5  # the port counts critic updates; our iterations are generator updates
TRAINING_STATE = r"(^|/)(Adam|Adam_1|beta[12]_power|lr|global_step)$|num_batches_tracked$"
FOREIGN_SUFFIXES = (".pt", ".pth", ".p", ".pkl", ".npz", ".npy", ".ckpt", ".h5", ".onnx")


class Conversion(NamedTuple):
    """The result of a conversion.

    Attributes:
        generator: the network.
        critics: weights of its critics, by our names; empty if the source has none.
        origins: maps our names to the source's, for generator and critics.
        left_out: reasons why arrays of the source are not used, by the source's names.
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
    mean_color: Sequence[float] | None = None,
    overwrite: bool = False,
) -> Conversion:
    """Read weights and write them in our format, completely or not at all.

    Args:
        source: for "tensorflow", the authors' checkpoint (its folder, its prefix such as
            `folder/snap-0`, or one of its files), or their weights under the port's names
            (`torch_model.p`). For "torch", a file of the port (`gen_00430000.pt`, also as `.npz`),
            or a folder with `gen_*.pt` and `dis_*.pt`. For "paddle", a generator file, the
            output_dir of a run, or a state dict saved with `paddle.save`. For "rfr", a file of its
            authors; for "partial_conv", a U-Net of partial convolutions, whose names tell
            which of the two public layers it uses; for "glcic", the completion network of its
            PyTorch port; for "shift_net", the U-Net with one shift of its authors.
        destination: a `.safetensors` or `.pdparams` file for the generator alone; otherwise a new
            folder for `generator.safetensors` and, if there are critics, `critics.safetensors`.
        origin: where the weights come from. It decides arithmetic and channel order: the authors'
            networks use BGR images and TensorFlow's padding, the port's do not.
        network: a key of `NETWORKS`, for Paddle state dicts that do not name their network.
        mean_color: for "glcic", the RGB colour in [0, 1] that its holes were filled with, which is
            not in the file; None: that of ImageNet.
        overwrite: replace the result of an earlier conversion in `destination`.

    Raises:
        WeightsError: the source is damaged, incomplete, for another network or contains more than
            arrays; or the destination exists already.
    """
    source, destination = Path(source), Path(destination)
    _check_free(destination, overwrite=overwrite)
    if file_identity(destination) in map(file_identity, (source, *source.parents[:1])):
        raise WeightsError(f"{destination} is, or contains, the source; use another destination")
    check_writable(destination.parent, change="DST")
    if mean_color is not None and origin != "glcic":
        raise WeightsError(f"only GLCIC has a mean colour; {origin} takes none")
    options = {} if mean_color is None else {"mean_color": [float(x) for x in mean_color]}
    conversion = _read(source, origin, network, options)
    if destination.suffix in SUFFIXES:
        conversion = _generator_alone(conversion)
    _write(conversion, destination)
    return conversion


def report(conversion: Conversion) -> Iterator[str]:
    """Yield the lines of a table of all source arrays and what they were converted to."""
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


def _read(path: Path, origin: Origin, network: str | None, options: dict[str, Any]) -> Conversion:
    if origin == "paddle":
        path = find_generator(path) if path.is_dir() or str(path) in SHIPPED else path
        if path.is_file() and is_generator(path):
            generator = read_generator(path)
            return Conversion(generator, {}, {name: name for name in sorted(generator.weights)}, {})
    source = {"tensorflow": _read_authors, "torch": _read_port}.get(origin, _read_file)(path)
    try:
        recognised = recognise_generator(source.arrays, origin, network, options)
        critics = recognise_critics(source.arrays, origin) or Found({}, {})
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
    name, options, generator = recognised
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
            raise WeightsError(f"{path} contains no gen_*.pt; use a file or a folder of the port")
        critics = path / generators[-1].name.replace("gen_", "dis_")
        files = [generators[-1], *([critics] if critics.is_file() else [])]
    arrays = {}
    for file in files:
        arrays |= read_arrays(file)
    return _Source(arrays, {}, _number_in(files[0].stem) // PORT_CRITIC_STEPS)


def _read_file(path: Path) -> _Source:
    return _Source(read_arrays(path), {}, _number_in(path.stem))


def _number_in(stem: str) -> int:
    """Return the number at the end of a name such as gen_00430000, snap-0 or g_400000."""
    number = re.search(r"(?:gen_|snap-|^g_)(\d{1,18})$", stem)
    return int(number[1]) if number else 0


def _reason(name: str) -> str:
    return "training state" if re.search(TRAINING_STATE, name) else "not part of this network"


def _generator_alone(conversion: Conversion) -> Conversion:
    ours = conversion.generator.weights
    reason = "a critic's weight; use a folder as destination to keep it"
    critics = {theirs: reason for name, theirs in conversion.origins.items() if name not in ours}
    origins = {name: theirs for name, theirs in conversion.origins.items() if name in ours}
    return Conversion(conversion.generator, {}, origins, conversion.left_out | critics)


def _check_free(destination: Path, *, overwrite: bool) -> None:
    if destination.suffix in FOREIGN_SUFFIXES:
        raise WeightsError(
            f"{destination} cannot be written; use a folder, or a file that ends in "
            + " or ".join(SUFFIXES)
        )
    if not destination.exists():
        return
    if destination.is_dir():
        foreign = {entry.name for entry in destination.iterdir()} - {GENERATOR, CRITICS}
        if destination.suffix in SUFFIXES or foreign:
            raise WeightsError(f"{destination} is a folder with other files in it; use a new one")
        if overwrite or not any(destination.iterdir()):
            return
    elif destination.suffix not in SUFFIXES:
        raise WeightsError(
            f"{destination} is a file; use a new folder, or a file that ends in "
            + " or ".join(SUFFIXES)
        )
    elif overwrite:
        return
    raise WeightsError(f"{destination} exists; use another one, or add --overwrite")


def _write(conversion: Conversion, destination: Path) -> None:
    """Write the files, and read them back before they get their final name."""
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
