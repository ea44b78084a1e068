# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The arithmetic and memory traffic of single layers, by their kind.

An operation is a multiplication or an addition in a matrix product, a convolution or a bilinear
sample, as computed directly. Traffic counts each float32 operand of these, and of the activations,
once per use.

A counter is a function (layer, inputs, outputs) -> cost of the forward pass, of the gradient of the
inputs, and of the gradient of the weights.

Letters: B batch, C channels, h w feature map, P positions or blocks that are compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from paddle import Tensor, nn

from ppdeepfill.networks import ContextualAttention
from ppdeepfill.networks.attention.appearance_flow import AppearanceFlow
from ppdeepfill.networks.attention.external_spatial import HIDDEN, AxisMap
from ppdeepfill.networks.attention.shift import ShiftAttention
from ppdeepfill.networks.attention.spatial_transformer import SpatialTransformer
from ppdeepfill.networks.layers import ConvBlock, UpsampledConvBlock

FLOAT = 4  # bytes


@dataclass(frozen=True)
class Cost:
    """Number of operations, and bytes moved."""

    flops: int = 0
    bytes: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.flops + other.flops, self.bytes + other.bytes)


def attention_flops(channels: int, foreground: int, background: int, *, rate: int = 2) -> int:
    """Return the operations of `contextual_attention` on one sample, for scores and pasting.

    Args:
        channels: C.
        foreground: positions after subsampling.
        background: patches.
        rate: cells of rate x rate are pasted; scores are computed per position and summed later.
    """
    per_pair = channels + channels * rate**2
    return 2 * per_pair * foreground * background


def _weighted_layer(layer: nn.Layer, inputs, output: Tensor) -> tuple[Cost, Cost, Cost]:
    """A convolution with its activation, or a linear layer: each pass is one product."""
    weight = next(p for p in layer.parameters() if p.ndim > 1)
    outputs = prod(output.shape)
    per_output = prod(weight.shape[1:]) if weight.ndim == 4 else weight.shape[0]
    if isinstance(layer, UpsampledConvBlock):
        per_output = 4 * weight.shape[1]  # four taps remain of nine
    moved = FLOAT * (prod(inputs[0].shape) + prod(weight.shape) + outputs)
    activation = FLOAT * 2 * outputs if getattr(layer, "activation", None) else 0
    flops = 2 * outputs * per_output
    # Backward, the activation reads two tensors and writes one.
    back = Cost(flops, moved + activation * 3 // 2)
    return Cost(flops, moved + activation), back, Cost(flops, moved)


def _contextual_attention(layer: nn.Layer, inputs, outputs) -> tuple[Cost, Cost, Cost]:
    """The products for scores and pasting; between them, scores are read or written 96 times.

    Most of that is for propagation and the sums over patches: each sum of 3 copies three parts and
    adds twice.
    """
    batch, channels, height, width = inputs[0].shape
    rate = layer.options["rate"]
    positions = height * width // rate**2
    pasted = channels * rate**2 * positions
    flops = batch * attention_flops(channels, positions, positions, rate=rate)
    moved = FLOAT * batch * (96 * positions**2 + 6 * pasted)
    # Both factors of each product have a gradient.
    return Cost(flops, moved), Cost(2 * flops, 2 * moved), Cost()


def _shift(layer: ShiftAttention, inputs, outputs) -> tuple[Cost, Cost, Cost]:
    """The product that compares all blocks; the choice between them has no gradient.

    Similarities are read or written 8 times: computed, masked, searched. Copying reads and writes
    the features, and so does the gradient of each copy.
    """
    batch, channels, height, width = inputs[0].shape
    positions, values = height * width // layer.size_multiple**2, channels * height * width
    flops = 2 * batch * values * positions
    copies = FLOAT * batch * 6 * values
    return Cost(flops, FLOAT * batch * 8 * positions**2 + copies), Cost(0, copies), Cost()


def _axis_map(layer: AxisMap, inputs, output) -> tuple[Cost, Cost, Cost]:
    """Two products with the features, after one each that fits the maps to the axis."""
    axis, grid = inputs[0].shape[-1], layer.size
    values, weights = prod(inputs[0].shape), HIDDEN * grid * axis
    products, fitting = 2 * 2 * values * HIDDEN * grid, 2 * 2 * grid * weights
    moved = FLOAT * (2 * values + 4 * values // axis * HIDDEN * grid + 2 * weights)
    of_weights = Cost(products + fitting, moved)
    return Cost(products + fitting, moved), Cost(products, moved), of_weights


def _sampling(layer: nn.Layer, inputs, outputs) -> tuple[Cost, Cost, Cost]:
    """Bilinear samples of the background, which mix four positions each.

    Their gradient is as much again for the background and for the places. The layers that predict
    the places count by themselves.
    """
    values = prod(inputs[1].shape)
    flops, moved = 2 * 4 * values, FLOAT * (4 + 1) * values
    return Cost(flops, moved), Cost(2 * flops, 2 * moved), Cost()


def _affine_sampling(layer: SpatialTransformer, inputs, outputs) -> tuple[Cost, Cost, Cost]:
    """A 2 x 3 matrix times every place, then samples."""
    forward, back, weights = _sampling(layer, inputs, outputs)
    batch, _, height, width = inputs[0].shape
    product = Cost(2 * 2 * 3 * batch * height * width, FLOAT * 5 * batch * height * width)
    return forward + product, back + product, weights


COUNTERS = {
    ConvBlock: _weighted_layer,
    nn.Conv2D: _weighted_layer,
    nn.Linear: _weighted_layer,
    ContextualAttention: _contextual_attention,
    ShiftAttention: _shift,
    AxisMap: _axis_map,
    AppearanceFlow: _sampling,
    SpatialTransformer: _affine_sampling,
}
