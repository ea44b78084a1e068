# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Losses of critic and generator, given the critic's scores.

Scores are raw, without a sigmoid. They may have any shape, such as one score per image [B, 1] or
one per patch [B, 1, h, w]; losses are means over all of them.

Source: `gan_ops.py` of neuralgym, the DeepFill authors' library. Except for Wasserstein, its critic
losses have a factor of 0.5, which other libraries omit.
"""

from collections.abc import Callable
from typing import NamedTuple

import paddle.nn.functional as F
from paddle import Tensor


class GanLoss(NamedTuple):
    """Two losses that belong together.

    Attributes:
        critic: (scores of real images, scores of generated ones) -> scalar.
        generator: scores of generated images -> scalar.
    """

    critic: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


# L = mean of fake - real
def wasserstein_critic(real: Tensor, fake: Tensor) -> Tensor:
    """Minus the distance that the critic measures. Needs a gradient penalty or similar."""
    return (fake - real).mean()


# L = minus the mean of fake
def raise_score(fake: Tensor) -> Tensor:
    """The generator wants high scores; for Wasserstein and hinge critics."""
    return -fake.mean()


# L = half of: mean of max(0, 1 - real), plus mean of max(0, 1 + fake)
def hinge_critic(real: Tensor, fake: Tensor) -> Tensor:
    """Scores beyond a margin of 1 on the correct side cost nothing."""
    return 0.5 * F.relu(1.0 - real).mean() + 0.5 * F.relu(1.0 + fake).mean()


# L = half of: mean of (real - 1)^2, plus mean of fake^2
def least_squares_critic(real: Tensor, fake: Tensor) -> Tensor:
    """Real images score 1, generated ones 0."""
    return 0.5 * (real - 1.0).square().mean() + 0.5 * fake.square().mean()


# L = mean of (fake - 1)^2
def score_one(fake: Tensor) -> Tensor:
    """The generator's images score 1; without the critic's factor of 0.5."""
    return (fake - 1.0).square().mean()


# L = minus half of: mean of log s(real), plus mean of log(1 - s(fake)); s is the sigmoid
def vanilla_critic(real: Tensor, fake: Tensor) -> Tensor:
    """Cross entropy of "this image is real"; a score is its logit."""
    return 0.5 * F.softplus(-real).mean() + 0.5 * F.softplus(fake).mean()


# L = minus the mean of log s(fake)
def non_saturating(fake: Tensor) -> Tensor:
    """The generator's loss in the form whose gradient stays large when the critic is sure."""
    return F.softplus(-fake).mean()


# L = mean of log(1 - s(fake))
def saturating(fake: Tensor) -> Tensor:
    """The form of the first GAN papers, whose gradient vanishes when the critic is sure."""
    return -F.softplus(fake).mean()


GAN_LOSSES = {
    "wasserstein": GanLoss(wasserstein_critic, raise_score),
    "hinge": GanLoss(hinge_critic, raise_score),
    "least_squares": GanLoss(least_squares_critic, score_one),
    "vanilla": GanLoss(vanilla_critic, non_saturating),
}
