# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The gradient penalty of Wasserstein critics, without second derivatives.

Letters: B batch, h w image, x a point, g the gradient of the critic's score at x, P(g) the penalty.

The penalty's gradient by the weights is that of u . g with u = dP / dg held constant. u . g is also
the change of the score along u, and where activations are piecewise linear, a pass forward through
the critic with the slopes of x computes it layer by layer. Each layer then needs the gradient of
its weights alone, so the work is that of differentiating twice.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from ppdeepfill.networks.critics import Critic
from ppdeepfill.networks.kernels import convolve, convolve_without_bias

MIX_STREAM = 0x6D6978  # keeps the interpolation weights independent of the data's random numbers


class Mix(NamedTuple):
    """Interpolation weights of the gradient penalty, each [B, 1, 1, 1] in [0, 1): 0 = real."""

    whole: Tensor
    local: Tensor


def draw_mix(seed: int, sample_numbers: np.ndarray) -> Mix:
    """Draw interpolation weights, which depend only on the seed and the sample numbers [B]."""
    weights = [
        np.random.default_rng([seed, MIX_STREAM, number]).random(2, dtype=np.float32)
        for number in sample_numbers.tolist()
    ]
    dtype = paddle.get_default_dtype()
    return Mix(*(paddle.to_tensor(w.reshape(-1, 1, 1, 1), dtype) for w in np.stack(weights).T))


# E (|g(x) on the region| - 1)^2 for x = real + mix (fake - real)
def gradient_penalty(
    critic: Critic, real: Tensor, fake: Tensor, mix: Tensor, region: Tensor
) -> Tensor:
    """Mean of (slope - 1) ** 2, the slope being the gradient's length between real and fake.

    Its gradient reaches the weights of the critic, and nothing else.

    Args:
        critic: [B, 3, h, w] -> [B, 1].
        real: [B, 3, h, w] in [-1, 1].
        fake: [B, 3, h, w] in [-1, 1].
        mix: [B, 1, 1, 1] in [0, 1]; 0 takes the slope at the real image, 1 at the fake one. (The
            port counts the other way round.)
        region: [B, 1, h, w]; the gradient counts where it is 1.

    Source: equation 2 of the paper with the mask; `gradients_penalty` of the authors' code.
    """
    between = (real + mix * (fake - real)).detach()
    gradient, linear = linearise(critic, between)
    gradient.stop_gradient = False
    penalty = slope_penalty(gradient, region)
    (direction,) = paddle.grad(penalty, gradient)
    change = linear(direction)
    return penalty.detach() + (change - change.detach())


# P(g) = E (|g| - 1)^2
def slope_penalty(gradient: Tensor, region: Tensor) -> Tensor:
    """P(g): mean of (slope - 1) ** 2 for gradients [B, 3, h, w] and a region [B, 1, h, w].

    There is no epsilon under the root. Where the gradient is exactly zero, and the derivative of
    the root infinite, the slope is the constant 0.
    """
    # One axis at a time: Paddle's float32 sum over several axes loses 1e-5 of the slope.
    squares = (gradient.square() * region).sum(axis=3).sum(axis=2).sum(axis=1)
    flat = squares == 0.0
    root = paddle.where(flat, paddle.ones_like(squares), squares).sqrt()
    slope = paddle.where(flat, paddle.zeros_like(squares), root)
    return (slope - 1.0).square().mean()


# score(x + d) = score(x) + <g, d> for d small enough that no activation changes its slope
def linearise(critic: Critic, image: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Replace a critic by what it is around each image: a linear map.

    Args:
        critic: [B, 3, h, w] -> [B, 1].
        image: [B, 3, h, w] in [-1, 1].

    Returns:
        The gradient of the score by the image [B, 3, h, w], and a function that tells for a
        direction of that shape how much the scores change along it, summed over the batch. Of
        the change, the weights have a gradient; the gradient of the score, neither.
    """
    image = image.detach()
    image.stop_gradient = False
    inputs, results = [image], []  # of each convolution, before its activation
    with _frozen(critic):
        for block in critic.convolutions:
            results.append(convolve(inputs[-1], block.conv))
            inputs.append(block.activation(results[-1]))
        score = critic.to_score(inputs[-1].flatten(1)).sum()
        gradient, *signals = paddle.grad(score, [image, *results], retain_graph=True)

    def change_along(direction: Tensor) -> Tensor:
        change = 0.0
        for block, x, y, signal in zip(
            critic.convolutions, results, inputs[1:], signals, strict=True
        ):
            moved = convolve_without_bias(direction, block.conv)
            change = change + (moved * signal).sum()
            # An activation works on each value alone: forward and back are the same factors.
            (direction,) = paddle.grad(y, x, moved.detach(), retain_graph=True)
        return change + F.linear(direction.flatten(1), critic.to_score.weight).sum()

    return gradient, change_along


@contextmanager
def _frozen(layer: nn.Layer) -> Iterator[None]:
    """While entered, no weight of the layer accepts a gradient: only the image's is wanted."""
    trained = [p for p in layer.parameters() if not p.stop_gradient]
    for parameter in trained:
        parameter.stop_gradient = True
    try:
        yield
    finally:
        for parameter in trained:
            parameter.stop_gradient = False
