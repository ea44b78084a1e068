# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Export a trained network for Paddle Inference and ONNX Runtime."""

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import paddle
from numpy import ndarray
from paddle.static import InputSpec
from tqdm import tqdm

import ppdeepfill
from ppdeepfill.atomic_write import check_writable, files_written_whole, synchronise
from ppdeepfill.deployment import onnx_conversion
from ppdeepfill.deployment.exported import (
    Run,
    onnx_graph,
    open_predictor,
    paddle_graph,
    write_description,
)
from ppdeepfill.deployment.inference_model import InferenceModel
from ppdeepfill.deployment.memory_need import bytes_per_pixel_pair
from ppdeepfill.deployment.trials import FREE, mask_shape, trials_of
from ppdeepfill.errors import ExportError
from ppdeepfill.inference.inpainter import ATTENTION_MEMORY, GIB
from ppdeepfill.networks.kernels import attention_memory_limit, no_loops_in_graphs
from ppdeepfill.terminal.progress import progress
from ppdeepfill.weights.finding import filled_network, find_generator
from ppdeepfill.weights.foreign_models import DESCRIPTION
from ppdeepfill.weights.generator_file import Generator, read_generator, sha256_of

GRAPHS = ("model.json", "model.pdmodel")  # PaddlePaddle 3 and 2
WEIGHTS = "model.pdiparams"
ONNX = "model.onnx"

ATTENTION_BYTES = int(ATTENTION_MEMORY * GIB)  # of the graph; beyond, it works in parts
LARGEST = 4096  # larger must be a typo; `_compare` runs fixed shapes at full size
ANY_SHAPE = (FREE, 3, FREE, FREE)
STEPS = 4  # of an export for the CPU without ONNX: graph, description, two comparisons
TOLERANCE = 0.1  # of 255; a different order of sums gives up to 4e-3, a wrong graph whole levels

logger = logging.getLogger(__name__)


def export_model(
    model_path: str | Path,
    save_dir: str | Path,
    *,
    input_shape: tuple[int, int, int, int] = ANY_SHAPE,
    onnx: bool = False,
    whole: bool = False,
) -> Path:
    """Write a trained network for deployment, after checking the graph against the network.

    Args:
        model_path: a generator file, a checkpoint folder or an output_dir.
        save_dir: the folder for the files; other files in it stay.
        input_shape: [B, 3, H, W] of the image, -1 = free.
        onnx: also write an ONNX file.
        whole: let the graph compute the whole prediction, rather than only what the holes need.

    Returns:
        The path of deploy.yaml.

    Raises:
        CheckpointError: there is no generator at `model_path`.
        ExportError: an impossible shape, a missing package, a full disk, or a graph that gives
            other pictures than the network.
        OutputError: the folder is not writable.
    """
    _check_shape(input_shape)
    check_writable(Path(save_dir), change="--save_dir")
    if onnx:
        onnx_conversion.require()
    source, save_dir = find_generator(model_path), Path(save_dir)
    logger.info("model: %s", source)
    generator = read_generator(source)
    model = InferenceModel(filled_network(generator, source=str(source)), whole=whole)
    with _written_whole(save_dir) as partial, progress(unit="step", total=STEPS + onnx) as bar:
        files = write_files(model, partial, input_shape, onnx=onnx)
        bar.update()
        description = _describe(partial, files, input_shape, generator, source, whole=whole)
        if onnx and FREE in input_shape:  # this graph has no loop that bounds its memory
            description["onnx_bytes_per_pixel_pair"] = bytes_per_pixel_pair(model.network)
        bar.update()
        _compare(model, partial, description, bar)
        write_description(partial, description)
        for file in partial.iterdir():
            synchronise(file)
    for unused in {*GRAPHS, ONNX} - set(files.values()):  # left over from an earlier export
        (save_dir / unused).unlink(missing_ok=True)
    logger.info("wrote %s", save_dir)
    return save_dir / DESCRIPTION


@contextmanager
def _written_whole(save_dir: Path) -> Iterator[Path]:
    """`files_written_whole` with an error message for the user."""
    try:
        with files_written_whole(save_dir, last=DESCRIPTION) as partial:
            yield partial
    except OSError as error:
        raise ExportError(
            f"cannot write {save_dir}: {error.strerror or error}; free some space, or use another "
            "--save_dir"
        ) from error


def write_files(
    model: InferenceModel, folder: Path, input_shape: tuple, *, onnx: bool
) -> dict[str, str | None]:
    """Write graphs and weights, without a check; return key of deploy.yaml -> file name.

    Args:
        model: what to write.
        folder: an existing folder.
        input_shape: [B, 3, H, W] of the image, -1 = free.
        onnx: also write an ONNX file.

    Raises:
        ExportError: paddle2onnx cannot convert it.
    """
    specs = [
        InputSpec([None if size == FREE else size for size in shape], "float32", name)
        for name, shape in (("image", input_shape), ("mask", mask_shape(input_shape)))
    ]
    graph = _write_graph(model, folder, specs)
    if onnx:
        with TemporaryDirectory(dir=folder) as other, no_loops_in_graphs():
            name = _write_graph(model, Path(other), specs)
            onnx_conversion.convert(Path(other) / name, Path(other) / WEIGHTS, folder / ONNX)
    return {"model": graph, "params": WEIGHTS, "onnx": ONNX if onnx else None}


def _write_graph(model: InferenceModel, folder: Path, specs: list[InputSpec]) -> str:
    """Write graph and weights; return the name of the graph's file."""
    traced = InferenceModel(model.network, whole=model.whole)  # `to_static` changes it
    with warnings.catch_warnings(), attention_memory_limit(ATTENTION_BYTES):
        warnings.simplefilter("ignore")  # Paddle warns about its own code
        graph = paddle.jit.to_static(traced, input_spec=specs, full_graph=True)
        paddle.jit.save(graph, str(folder / "model"))
    (folder / f"{WEIGHTS}.info").unlink(missing_ok=True)  # PaddlePaddle 2's, for further training
    return next(name for name in GRAPHS if (folder / name).is_file())


def _describe(
    folder: Path,
    files: dict,
    input_shape: tuple,
    generator: Generator,
    source: Path,
    *,
    whole: bool,
) -> dict:
    """The content of deploy.yaml."""
    versions = {"ppdeepfill": ppdeepfill.__version__, "paddle": paddle.__version__}
    if files["onnx"]:
        versions["paddle2onnx"] = version("paddle2onnx")
    return {
        **files,
        "sha256": {name: sha256_of(folder / name) for name in files.values() if name},
        "inputs": ["image", "mask"],
        "outputs": open_predictor(folder, files).get_output_names(),
        "input_shape": list(input_shape),
        "whole": whole,
        "image": "float32 [B, 3, H, W] RGB, 0 to 255",
        "mask": "float32 [B, 1, H, W], 1 = hole, 0 = known",
        "completed": "float32 [B, 3, H, W] RGB, 0 to 255, not rounded; known pixels as in image",
        "network": generator.network,
        "options": generator.options,
        "iteration": generator.iteration,
        "generator_sha256": sha256_of(source),
        "versions": versions,
    }


def _compare(model: InferenceModel, folder: Path, description: dict, bar: tqdm) -> None:
    """Load the files and raise ExportError if they give other pictures than the network."""
    trials = trials_of(description["input_shape"])
    with paddle.no_grad(), attention_memory_limit(int(ATTENTION_MEMORY * GIB)):  # as `Inpainter`
        expected = [model(*map(paddle.to_tensor, trial)).numpy() for trial in trials]
    for backend, open_graph in _backends(folder, description):
        difference = _difference(open_graph(), trials, expected)
        if not difference <= TOLERANCE:  # also true for nan
            raise ExportError(
                f"the graph in {backend} differs from the network by {difference:.3g} of 255, more "
                f"than {TOLERANCE}, so nothing was written. Please report this, with the versions "
                f"{description['versions']}; exporting without --onnx involves fewer packages"
            )
        logger.info("%s agrees with the network to %.2g of 255", backend, difference)
        bar.update()


def _backends(folder: Path, description: dict) -> Iterator[tuple[str, Callable[[], Run]]]:
    """Names, and functions that open the graph, so that only one is in memory at a time."""
    yield "Paddle Inference", lambda: paddle_graph(folder, description)
    if paddle.get_device() == "cpu":
        yield (
            "Paddle Inference with oneDNN",
            lambda: paddle_graph(folder, description, onednn=True),
        )
    if description["onnx"]:
        yield "ONNX Runtime", lambda: onnx_graph(folder, description)


def _difference(run: Run, trials: list[tuple[ndarray, ndarray]], expected: list[ndarray]) -> float:
    """The largest difference, of 255; nan if a result contains nan."""
    differences = [
        np.abs(run(*trial) - picture).max() for trial, picture in zip(trials, expected, strict=True)
    ]
    return np.max(differences)


def _check_shape(input_shape: Sequence[int]) -> None:
    fits = len(input_shape) == 4 and input_shape[1] == 3
    if not fits or any(size != FREE and not 1 <= size <= LARGEST for size in input_shape):
        raise ExportError(
            "the input shape must be B 3 H W, for example 1 3 256 256, each from 1 to "
            f"{LARGEST}, or -1 for any size; got {' '.join(map(str, input_shape))}"
        )
