# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Read weights of published networks from a local file, without downloads or running code."""

import re
from collections.abc import Sequence
from pathlib import Path

from numpy import ndarray
from paddle import nn

from ppdeepfill.errors import WeightsError
from ppdeepfill.networks.vgg import Vgg16
from ppdeepfill.weight_files import read_arrays
from ppdeepfill.weights.generator_file import load_weights

Renamed = Sequence[tuple[str, str]]


def load_vgg16(path: Path) -> Vgg16:
    """VGG-16 with fixed weights; gradients pass through it to its input.

    Args:
        path: a file (see `read_weights`) under the names of torchvision or Paddle,
            features.N.weight and .bias; those of the classifier are not used.

    Raises:
        WeightsError: the file cannot be read.
        CheckpointError: it holds other arrays.
    """
    network = Vgg16()
    fill_published(network, path, renamed=[], ignored=r"classifier\.")
    return network


def fill_published(network: nn.Layer, path: Path, *, renamed: Renamed, ignored: str) -> None:
    """Fill a network with published weights, which stay as they are from then on.

    Args:
        network: it is put in evaluation mode, and its parameters are frozen.
        path, renamed, ignored: see `read_weights`.

    Raises:
        WeightsError: the file cannot be read.
        CheckpointError: it holds other arrays.
    """
    weights = read_weights(path, renamed=renamed, ignored=ignored)
    load_weights(network, weights, source=str(path))
    network.eval()
    for parameter in network.parameters():
        parameter.stop_gradient = True


def read_weights(path: Path, *, renamed: Renamed, ignored: str) -> dict[str, ndarray]:
    """Read arrays by the names that our layers give them.

    Args:
        path: .safetensors, .pdparams, .pt, .pth or .npz.
        renamed: (regular expression, replacement) pairs, applied to every name in this order.
        ignored: regular expression for names in the file to leave out.

    Raises:
        WeightsError: the file is missing or damaged, or contains more than arrays.
    """
    try:
        arrays = read_arrays(path)
    except WeightsError as error:
        raise WeightsError(f"{error}. See docs/metrics.md for the expected file") from None
    return {
        _rename(name, renamed): array
        for name, array in arrays.items()
        if not re.match(ignored, name)
    }


def _rename(name: str, renamed: Renamed) -> str:
    for pattern, replacement in renamed:
        name = re.sub(pattern, replacement, name)
    return name
