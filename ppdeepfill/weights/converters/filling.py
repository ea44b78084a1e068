# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Fill every weight of a network from foreign arrays, or say what is wrong with them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import paddle
from numpy import ndarray
from paddle import nn

from ppdeepfill.errors import WeightsError, listed
from ppdeepfill.networks import build_network
from ppdeepfill.weights.converters.deepfill_v1 import Source


class Found(NamedTuple):
    """Weights that were found, in our layout.

    Attributes:
        weights: float32 arrays by our names.
        origins: maps our names to the source's.
    """

    weights: dict[str, ndarray]
    origins: dict[str, str]


def shapes(network: str, options: Mapping[str, Any]) -> nn.Layer:
    """A network without memory for its weights."""
    with paddle.LazyGuard():
        try:
            return build_network(network, **options)
        except ValueError as error:
            channels = options["base_channels"]
            raise WeightsError(f"its first filter has {channels} outputs: {error}") from None


def fill(expected: nn.Layer, sources: Mapping[str, Source], arrays: Mapping[str, ndarray]) -> Found:
    """Fill every weight of a layer.

    Raises:
        WeightsError: lists arrays that are missing, have the wrong shape or are not finite.
    """
    shapes = {name: list(tensor.shape) for name, tensor in expected.state_dict().items()}
    assert shapes.keys() == sources.keys(), "a weight of the network has no source in the table"
    weights, wrong = {}, []
    for name, source in sources.items():
        try:
            weights[name] = _check_shape(converted(source, arrays), shapes[name], source.name)
        except WeightsError as error:
            wrong.append(str(error))
    if wrong:
        raise WeightsError(
            "it does not match the network that its names suggest:\n  "
            + listed(wrong, separator="\n  ")
        )
    return Found(weights, {name: source.name for name, source in sources.items()})


def converted(source: Source, arrays: Mapping[str, ndarray]) -> ndarray:
    """Return an array in our layout.

    Raises:
        WeightsError: it is missing, or its shape does not fit.
    """
    if source.name not in arrays:
        raise WeightsError(f"{source.name} is missing")
    array = arrays[source.name]
    try:
        changed = source.change(array)
    except (ValueError, IndexError, ZeroDivisionError):
        changed = None
    if changed is None or changed.ndim == 0:
        raise WeightsError(f"{source.name} has the shape {list(array.shape)}, which does not fit")
    return changed


def _check_shape(array: ndarray, shape: list[int], theirs: str) -> ndarray:
    if list(array.shape) != shape:
        raise WeightsError(
            f"{theirs} has the shape {list(array.shape)} in our layout, expected {shape}"
        )
    if array.dtype.kind != "f":
        raise WeightsError(f"{theirs} contains {array.dtype} instead of floating-point numbers")
    with np.errstate(over="ignore"):  # float64 beyond float32 becomes infinite and is refused
        array = np.ascontiguousarray(array, np.float32)
    if bad := np.count_nonzero(~np.isfinite(array)):
        raise WeightsError(f"{theirs} has {bad} values that are nan or infinite")
    return array
