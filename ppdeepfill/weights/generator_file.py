# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Generator files, which people download, and files of the critics that belong to them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import paddle
from numpy import ndarray
from paddle import nn
from pydantic import BaseModel, Field, ValidationError

from ppdeepfill.errors import CheckpointError, listed
from ppdeepfill.weights.recorded_arrays import is_recorded, read_recorded, write_recorded


class Generator(NamedTuple):
    """A trained network: all that is needed to build it and load its weights.

    Attributes:
        network: a key of `ppdeepfill.networks.NETWORKS`.
        options: keyword arguments of its builder.
        iteration: number of training iterations.
        weights: arrays by structured name.
    """

    network: str
    options: dict
    iteration: int
    weights: dict[str, ndarray]


def write_generator(path: Path, generator: Generator) -> None:
    """Write a generator file, `.safetensors` or `.pdparams`."""
    metadata = {k: v for k, v in generator._asdict().items() if k != "weights"}
    write_recorded(path, generator.weights, metadata)


def is_generator(path: Path) -> bool:
    """Return whether a weight file has our metadata, rather than arrays alone.

    Raises:
        CheckpointError: it is not a weight file at all.
    """
    return is_recorded(path)


def write_critics(path: Path, weights: Mapping[str, ndarray], *, kind: str) -> None:
    """Write the weights of both critics, with the name of their network."""
    write_recorded(path, weights, {"critics": kind})


def read_critics(path: Path) -> dict[str, ndarray]:
    """Read the weights of both critics.

    Raises:
        CheckpointError: missing, damaged, or another kind of file.
    """
    metadata, weights = read_recorded(path)
    if "critics" not in metadata:
        raise CheckpointError(f"{path} contains no critics")
    return weights


def read_generator(path: Path) -> Generator:
    """Read a generator file.

    Weights that it holds in half precision, as released ones do, come as float32.

    Raises:
        CheckpointError: missing, damaged, or another kind of file.
    """
    metadata, weights = read_recorded(path)
    if "network" not in metadata:
        raise CheckpointError(
            f"{path} contains no generator; use the generator.safetensors in the same folder"
        )
    try:
        return Generator(
            **_GeneratorMetadata(**metadata).model_dump(), weights=_as_float32(weights)
        )
    except ValidationError as error:
        raise CheckpointError(f"{path} does not describe its network: {error}") from None


def _as_float32(weights: Mapping[str, ndarray]) -> dict[str, ndarray]:
    return {
        name: array.astype(np.float32) if array.dtype == np.float16 else array
        for name, array in weights.items()
    }


def sha256_of(path: Path) -> str:
    """Return the hash by which reports and exported folders identify a generator file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_weights(layer: nn.Layer, weights: Mapping[str, ndarray], *, source: str) -> None:
    """Fill a layer with arrays whose names and shapes match exactly; values take its dtypes.

    Raises:
        CheckpointError: lists the first arrays that are missing, unexpected or of another shape, or
            names one that contains nan or infinity.
    """
    check_names(layer, weights, source=source)
    bad = [name for name, array in weights.items() if not np.isfinite(array).all()]
    if bad:
        raise CheckpointError(
            f"{source}: {listed(bad)} contain nan or infinity, so the network cannot be used; take "
            "another file or an earlier checkpoint"
        )
    for name, tensor in layer.state_dict().items():
        tensor.set_value(paddle.to_tensor(weights[name], dtype=tensor.dtype))


def check_names(layer: nn.Layer, weights: Mapping[str, ndarray], *, source: str) -> None:
    """Refuse arrays whose names or shapes differ from those of a layer's weights.

    Raises:
        CheckpointError: lists the first arrays that are missing, unexpected or of another shape.
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
        names = listed(wrong, separator="\n  ")
        raise CheckpointError(f"{source} does not fit this network:\n  {names}")


class _GeneratorMetadata(BaseModel):
    network: str
    options: dict[str, Any]
    iteration: int = Field(ge=0)
