# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The gradient penalty of Wasserstein critics, without second derivatives.

Letters: B batch, h w image, x a point, g the gradient of the critic's score at x, P(g) the penalty.

The gradient of the penalty with respect to the weights is that of u . g with u = dP / dg held
constant. u . g is also the change of the score along u. If activations are piecewise linear, a
forward pass through the critic with the slopes at x computes this change layer by layer. Each layer
then only needs the gradient of its weights, so this costs as much as differentiating twice.
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
    """Return the mean of (slope - 1) ** 2, with slope the gradient norm between real and fake.

    Only the weights of the critic get a gradient.

    Args:
        critic: [B, 3, h, w] -> [B, 1].
        real: [B, 3, h, w] in [-1, 1].
        fake: [B, 3, h, w] in [-1, 1].
        mix: [B, 1, 1, 1] in [0, 1]; 0 takes the slope at the real image, 1 at the fake one. (In the
            port it is the other way round.)
        region: [B, 1, h, w]; the gradient counts only where it is 1.

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

    There is no epsilon under the root. If the gradient is exactly zero, where the derivative of the
    root is infinite, the slope is treated as the constant 0.
    """
    # One axis at a time: Paddle's float32 sum over several axes loses 1e-5 of the slope.
    squares = (gradient.square() * region).sum(axis=3).sum(axis=2).sum(axis=1)
    flat = squares == 0.0
    root = paddle.where(flat, paddle.ones_like(squares), squares).sqrt()
    slope = paddle.where(flat, paddle.zeros_like(squares), root)
    return (slope - 1.0).square().mean()


# score(x + d) = score(x) + <g, d> for d small enough that no activation changes its slope
def linearise(critic: Critic, image: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Approximate a critic around each image by a linear map.

    Args:
        critic: [B, 3, h, w] -> [B, 1].
        image: [B, 3, h, w] in [-1, 1].

    Returns:
        The gradient of the score with respect to the image [B, 3, h, w], and a function that
        takes a direction of that shape and returns the change of the scores along it, summed over
        the batch. The change has gradients with respect to the weights; the first result has none.
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
            # An activation acts on each value separately, so forward and backward factors agree.
            (direction,) = paddle.grad(y, x, moved.detach(), retain_graph=True)
        return change + F.linear(direction.flatten(1), critic.to_score.weight).sum()

    return gradient, change_along


@contextmanager
def _frozen(layer: nn.Layer) -> Iterator[None]:
    """Within this context, the layer's weights get no gradients, only the image does."""
    trained = [p for p in layer.parameters() if not p.stop_gradient]
    for parameter in trained:
        parameter.stop_gradient = True
    try:
        yield
    finally:
        for parameter in trained:
            parameter.stop_gradient = False
