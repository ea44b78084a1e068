# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Weights and images of the reference runs of the methods around DeepFill v1, from their seeds.

Every number comes from the uniform stream of NumPy's PCG64, seeded by a number and a name.
"""

import zlib
from collections.abc import Iterable, Mapping

import numpy as np
import paddle
from numpy import ndarray
from paddle import nn

PARTS = {"weight": "weight", "bias": "bias", "running_mean": "_mean", "running_var": "_variance"}


def uniform(seed: int, name: str, shape) -> ndarray:
    """float64 in [0, 1)."""
    sequence = np.random.SeedSequence([seed, zlib.crc32(name.encode())])
    return np.random.Generator(np.random.PCG64(sequence)).random(tuple(shape))


def symmetric(seed: int, name: str, shape) -> ndarray:
    """float32 in [-1, 1)."""
    return (2.0 * uniform(seed, name, shape) - 1.0).astype(np.float32)


def image(seed: int, name: str, shape, cell: int = 8) -> ndarray:
    """A blocky image [B, 3, H, W], float32 in [0, 1)."""
    batch, channels, height, width = shape
    cells = (batch, channels, -(-height // cell), -(-width // cell))
    coarse = uniform(seed, f"{name}/coarse", cells).repeat(cell, axis=2).repeat(cell, axis=3)
    fine = uniform(seed, f"{name}/fine", shape)
    return (0.8 * coarse[:, :, :height, :width] + 0.2 * fine).astype(np.float32)


def rectangles(size: tuple[int, int], corners: Iterable[Iterable[int]]) -> ndarray:
    """Masks [B, 1, H, W], 1 between (top, bottom, left, right) of each sample."""
    corners = [list(c) for c in corners]
    mask = np.zeros((len(corners), 1, *size), np.float32)
    for hole, (top, bottom, left, right) in zip(mask, corners, strict=True):
        hole[:, top:bottom, left:right] = 1.0
    return mask


def parameter(seed: int, name: str, shape, gain: float, bias: float) -> ndarray:
    """A weight of the reference by its name and shape there."""
    u = uniform(seed, name, shape)
    if len(shape) >= 2:
        values = (2.0 * u - 1.0) * (np.sqrt(3.0) * gain / np.sqrt(np.prod(shape[1:])))
    elif name.endswith("running_var"):
        values = 0.5 + u
    elif name.endswith("weight"):
        values = 0.8 + 0.4 * u
    else:
        values = (2.0 * u - 1.0) * bias
    return values.astype(np.float32)


def fill(
    layer: nn.Layer, modules: Mapping[str, str], *, seed: int, gain: float, bias: float
) -> dict[str, str]:
    """Give a layer the weights of the reference.

    Args:
        layer: all its weights are set.
        modules: its convolutions, norms and linear layers -> the reference's.
        seed, gain, bias: of the weights.

    Returns:
        Name of each array of ours -> the reference's.
    """
    layers, names, values = dict(layer.named_sublayers()), {}, {}
    for ours, theirs in modules.items():
        for their_part, our_part in PARTS.items():
            tensor = getattr(layers[ours], our_part, None)
            if our_part == "weight" and tensor is None:
                our_part, tensor = "scale", layers[ours].scale  # of an instance norm
            if tensor is None:
                continue
            name = f"{theirs}.{their_part}"
            linear = isinstance(layers[ours], nn.Linear) and their_part == "weight"
            array = parameter(seed, name, tensor.shape[:: -1 if linear else 1], gain, bias)
            names[f"{ours}.{our_part}"] = name
            values[f"{ours}.{our_part}"] = array.T if linear else array
    assert set(values) == set(layer.state_dict())
    for name, tensor in layer.state_dict().items():
        tensor.set_value(paddle.to_tensor(values[name], dtype=tensor.dtype))
    return names
