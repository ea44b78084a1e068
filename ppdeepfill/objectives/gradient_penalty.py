# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The gradient penalty of Wasserstein critics, without second derivatives.

Letters: B batch, h w image, x a point, g the gradient of the critic's score at x, P(g) the penalty.

The penalty's gradient by the weights is that of u . g with u = dP / dg held constant. u . g is also
the change of the score along u, and where activations are piecewise linear, a pass forward through
the critic with the slopes of x computes it layer by layer. Each layer then needs the gradient of
its weights alone, so the work is that of differentiating twice.
"""

import paddle
from paddle import Tensor

from ppdeepfill.networks.critics import Critic


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
    gradient, linear = critic.linearise(between)
    gradient.stop_gradient = False
    penalty = slope_penalty(gradient, region)
    (direction,) = paddle.grad(penalty, gradient)
    change = linear(direction)
    return penalty.detach() + (change - change.detach())


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
