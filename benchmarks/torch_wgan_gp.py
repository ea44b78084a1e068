# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The losses of DeepFill v1 in PyTorch, with the terms and weights of the PyTorch port.

Letters: B batch, H W image, h w local region. Images are in [-1, 1], masks are 1 in the hole.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.torch_deepfill_v1 import Critics, complete

ADVERSARIAL_WEIGHT, L1_WEIGHT, COARSE_WEIGHT, PENALTY_WEIGHT = 1e-3, 1.2, 1.2, 10.0
GAMMA = 0.9  # of the discount by the distance to the edge of the region


class Batch(NamedTuple):
    """image [B, 3, H, W], mask [B, 1, H, W]; corners (top, left) and side of the local regions."""

    image: Tensor
    mask: Tensor
    corners: list[tuple[int, int]]
    side: int

    def crop(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, h, w]."""
        places = zip(x, self.corners, strict=True)
        return torch.stack([one[:, y : y + self.side, x : x + self.side] for one, (y, x) in places])


def critic_loss(critics: Critics, completed: Tensor, batch: Batch, mix: Tensor) -> Tensor:
    """Of both critics.

    Args:
        critics: the critics.
        completed: [B, 3, H, W] without a graph.
        batch: the true images and their local regions.
        mix: [2, B, 1, 1, 1] in [0, 1] for the whole images and the local regions, 1 = real.
    """
    pairs = (batch.image, completed), (batch.crop(batch.image), batch.crop(completed))
    loss = 0.0
    for critic, (real, fake), weights in zip(
        (critics.whole, critics.local), pairs, mix, strict=True
    ):
        of_real, of_fake = critic(torch.cat([real, fake])).chunk(2)
        penalty = gradient_penalty(critic, weights * real + (1 - weights) * fake)
        loss = loss + (of_fake - of_real).mean() + PENALTY_WEIGHT * penalty
    return loss


def gradient_penalty(critic: nn.Module, between: Tensor) -> Tensor:
    """Mean of (slope - 1) ** 2 at images [B, 3, h, w], by differentiating twice."""
    between = between.requires_grad_().clone()  # PyTorch's FLOP counter needs one that is no leaf
    scores = critic(between)
    (gradient,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def generator_loss(critics: Critics, coarse: Tensor, refined: Tensor, batch: Batch) -> Tensor:
    """Both L1 terms of both stages, and what the critics think of the completed images.

    Like the port, it judges the true images too, and backward reaches the critics' weights.
    """
    loss, discount, known = 0.0, box_discount(batch.side), 1.0 - batch.mask
    region = batch.crop(batch.image)
    for predicted, weight in ((coarse, COARSE_WEIGHT), (refined, 1.0)):
        completed = complete(predicted, batch.image, batch.mask)
        in_hole = F.l1_loss(batch.crop(completed) * discount, region * discount)
        outside = F.l1_loss(predicted * known, batch.image * known)
        loss = loss + L1_WEIGHT * weight * (in_hole + outside)
    whole = critics.whole(torch.cat([batch.image, completed])).chunk(2)[1]
    local = critics.local(torch.cat([region, batch.crop(completed)])).chunk(2)[1]
    return loss - ADVERSARIAL_WEIGHT * (whole.mean() + local.mean())


def box_discount(side: int) -> Tensor:
    """Gamma to the power of the distance to the edge: [h, w]. Row h - 1 is 1 from the edge."""
    steps = torch.arange(side)
    steps = torch.minimum(steps, side - steps)
    return GAMMA ** torch.minimum(steps[:, None], steps)
