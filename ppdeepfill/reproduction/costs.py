# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Count the arithmetic and memory traffic of each part, using the networks themselves.

Layers are called on shapes only (in a static graph that never runs), so any size costs nothing.
`counters` says what counts.

Letters: B batch, C channels, H W image.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import paddle
from paddle import Tensor, nn
from paddle.static import Program

from ppdeepfill.networks import build_network, kernels
from ppdeepfill.networks.critics import Critics
from ppdeepfill.networks.layers import ConvBlock
from ppdeepfill.reproduction.counters import COUNTERS, Cost


class LayerCost(NamedTuple):
    """The cost of each pass through one layer.

    Attributes:
        name: its path in the network.
        forward: forward pass, with its activation.
        input_gradient: gradient of the input, given that of the output.
        weight_gradient: gradient of the weights.
        first: its input is data, whose gradient is not needed to train the network.
    """

    name: str
    forward: Cost
    input_gradient: Cost
    weight_gradient: Cost
    first: bool


def generator_layers(
    size: tuple[int, int], *, batch: int = 1, network: str = "deepfill_v1", **options
) -> list[LayerCost]:
    """Return the layers of a network on images of `size` (H, W), multiples of 8.

    Args:
        size: of the images.
        batch: B.
        network: a key of `NETWORKS`.
        options: of its builder.
    """
    shapes, first = ([batch, 3, *size], [batch, 1, *size]), ["coarse.encoder.first"]
    return layer_costs(lambda: build_network(network, **options), shapes, first=first)


def critic_layers(
    size: tuple[int, int], local_size: tuple[int, int], *, batch: int, reference: str = "tensorflow"
) -> list[LayerCost]:
    """Return the layers of both critics, see `Critics`."""
    layers = []
    for name, shape in (("whole", size), ("local", local_size)):
        layers += layer_costs(
            lambda name=name: getattr(Critics(size, local_size, reference=reference), name),
            [[batch, 3, *shape]],
            first=["convolutions.0"],
        )
    return layers


def hole_layers(
    size: tuple[int, int], hole: tuple[int, int], *, batch: int, network: str = "deepfill_v1"
) -> list[LayerCost]:
    """Return the layers of a network that computes only the content of one hole per image."""
    mask = paddle.zeros([batch, 1, *size])
    mask[:, :, 1 : 1 + hole[0], 1 : 1 + hole[1]] = 1.0  # not on the grid of the small maps

    class InHole(nn.Layer):
        def __init__(self):
            super().__init__()
            self.network = build_network(network)

        def forward(self, masked_image: Tensor, shape_of_mask: Tensor) -> Tensor:
            with kernels.holes_as_in(mask):
                return self.network.predict_in_hole(masked_image, shape_of_mask)

    return layer_costs(InHole, [[batch, 3, *size], [batch, 1, *size]])


def update_passes(
    size: tuple[int, int], local_size: tuple[int, int], *, batch: int, reference: str = "tensorflow"
) -> dict[str, list[Cost]]:
    """Return all passes through layers in one update of each phase of `objectives/wgan_gp.py`.

    critic: filling holes the size of the local region, without gradients, plus judging.
    judging: scores of real and completed images, forward and back to the weights; the penalty,
    which needs the gradient of a score with respect to the image, the change of the score along a
    direction, and its gradient with respect to the weights.
    generator: forward and backward; scores of completed images, forward and back to the image.

    Losses and optimizers are not counted.
    """
    generator = generator_layers(size, batch=batch)
    judges = critic_layers(size, local_size, batch=batch, reference=reference)
    both = critic_layers(size, local_size, batch=2 * batch, reference=reference)
    judging = training_passes(both)
    for x in judges:
        judging += [x.forward, x.input_gradient, x.forward, x.weight_gradient]
    filling = [x.forward for x in hole_layers(size, local_size, batch=batch)]
    adversarial = [cost for x in judges for cost in (x.forward, x.input_gradient)]
    return {
        "critic": filling + judging,
        "judging": judging,
        "generator": training_passes(generator) + adversarial,
    }


def iteration_passes(
    updates: Mapping[str, list[Cost]], critic_steps: int, *, share_last_batch: bool
) -> list[Cost]:
    """Return the passes of one iteration, given those of `update_passes`."""
    last = updates["judging" if share_last_batch else "critic"]
    return (critic_steps - 1) * updates["critic"] + updates["generator"] + last


def training_passes(layers: Sequence[LayerCost]) -> list[Cost]:
    """Return the passes forward and back to all weights."""
    forward = [x.forward for x in layers]
    backward = [x.weight_gradient for x in layers]
    return forward + backward + [x.input_gradient for x in layers if not x.first]


def layer_costs(
    build: Callable[[], nn.Layer], shapes: Sequence[list[int]], *, first: Sequence[str] = ()
) -> list[LayerCost]:
    """Build a network, call it on inputs of these shapes, and list the costs of its layers.

    Args:
        build: returns the network; its layers of the kinds in `COUNTERS` count.
        shapes: shapes of its inputs.
        first: paths of the layers whose input is data.
    """
    costs: list[LayerCost] = []
    with _shapes_only():
        network = build()
        layers = list(network.named_sublayers(include_self=True))
        inside = {id(layer.conv) for _, layer in layers if isinstance(layer, ConvBlock)}
        for path, layer in layers:
            if id(layer) in inside:  # counts with its block
                continue
            count = next((f for kind, f in COUNTERS.items() if isinstance(layer, kind)), None)
            if count is not None:
                layer.register_forward_post_hook(
                    lambda layer, inputs, output, path=path, count=count: costs.append(
                        LayerCost(path, *count(layer, inputs, output), path in first)
                    )
                )
        network(*(paddle.static.data(f"x{i}", shape) for i, shape in enumerate(shapes)))
    return costs


@contextmanager
def _shapes_only() -> Iterator[None]:
    """Let layers compute shapes only, within the context."""
    paddle.enable_static()
    try:
        with warnings.catch_warnings(), paddle.static.program_guard(Program(), Program()):
            warnings.filterwarnings("ignore", message="Tensor do not have 'place'")
            yield
    finally:
        paddle.disable_static()
