# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""RFR and the U-Net of partial convolutions with the weights of their references' runs."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import method_recipes
import numpy as np
import paddle
from numpy import ndarray
from paddle import nn

from ppdeepfill.networks.partial_unet import PartialUNet
from ppdeepfill.networks.rfr import Rfr
from ppdeepfill.networks.vgg import Vgg16
from ppdeepfill.weights.converters.deepfill_v1 import collect
from ppdeepfill.weights.converters.methods import METHODS, partial_unet_sources, rfr_sources
from ppdeepfill.weights.generator_file import load_weights

SQRT2 = 1.4142135


def rfr_order(golden_dir: Path) -> list[tuple[str, list[int]]]:
    """Names and shapes of RFR's weights in the order of its authors."""
    facts = json.loads((golden_dir / "torch" / "rfr.json").read_text())
    return [(name, shape) for name, shape in facts["weights"]["state_dict_order"]]


def rfr_arrays(
    order: Iterable[tuple[str, Iterable[int]]], gain: float, seed: int = 40000
) -> dict[str, ndarray]:
    """The weights of RFR's runs, by the authors' names."""
    arrays = {}
    for number, (name, shape) in enumerate(order, start=seed):
        random, shape = np.random.RandomState(number), tuple(shape)
        if name.endswith("num_batches_tracked"):
            continue
        if len(shape) == 4:
            array = random.normal(0.0, gain / np.sqrt(np.prod(shape[1:])), shape)
        elif name.endswith(("running_var", "ratio")):
            array = random.uniform(0.5, 1.5, shape)
        elif name.endswith(".weight"):
            array = random.uniform(0.8, 1.2, shape)
        else:
            array = random.uniform(-0.1, 0.1, shape)
        arrays[name] = array.astype(np.float32)
    return arrays


def fill_rfr(network: Rfr, arrays: Mapping[str, ndarray]) -> dict[str, str]:
    """Give RFR the authors' weights; returns the authors' name of each."""
    return _fill(network, rfr_sources(network.state_dict()), arrays)


def fill_partial_unet(network: PartialUNet) -> dict[str, str]:
    """Give the U-Net the weights of the port's runs; returns the port's name of each."""
    sources = partial_unet_sources(network.state_dict(), of_nvidia=False)
    arrays = {}
    for ours, tensor in network.state_dict().items():
        shape, theirs = tensor.shape, sources[ours].name
        gain = SQRT2 * np.prod(shape[1:]) if len(shape) == 4 else 1.0
        arrays[theirs] = method_recipes.parameter(7405, theirs, shape, gain, 0.1)
    return _fill(network, sources, arrays)


def under_their_names(network: nn.Layer, origin: str, **options) -> dict[str, ndarray]:
    """The weights of a network of another method as its code saves them, except for factors.

    Args:
        network: ours.
        origin: of `convert`; "nvidia" for partial convolutions with NVIDIA's layer.
        options: of the network.
    """
    state = network.state_dict()
    naming = METHODS["partial_conv"][1] if origin == "nvidia" else METHODS[origin][0]
    sources = naming.sources(state, options)
    arrays = {source.name: state[ours].numpy() for ours, source in sources.items()}
    counts = [name for name in arrays if name.endswith("running_mean")]
    return arrays | {n.replace("running_mean", "num_batches_tracked"): np.ones([1]) for n in counts}


def vgg16() -> Vgg16:
    """VGG-16 with the runs' weights up to its third pooling; the rest is not used."""
    network = Vgg16()
    for name, tensor in network.state_dict().items():
        if int(name.split(".")[1]) < 17:
            array = method_recipes.parameter(5500, name, tensor.shape, SQRT2, 0.05)
            tensor.set_value(paddle.to_tensor(array, dtype=tensor.dtype))
    for parameter in network.parameters():
        parameter.stop_gradient = True
    return network


def blocks(seed: int, shape, cell: int = 16) -> ndarray:
    """The blocky images of RFR's runs [B, 3, H, W], float32 in [-1, 1]."""
    random = np.random.RandomState(seed)
    batch, channels, height, width = shape
    cells = (batch, channels, -(-height // cell), -(-width // cell))
    coarse = random.uniform(-1, 1, cells)
    fine = random.uniform(-1, 1, shape)
    coarse = coarse.repeat(cell, axis=2).repeat(cell, axis=3)[:, :, :height, :width]
    return (0.8 * coarse + 0.2 * fine).astype(np.float32)


def _fill(network, sources, arrays) -> dict[str, str]:
    load_weights(network, collect(sources, arrays), source="the reference")
    return {ours: source.name for ours, source in sources.items()}
