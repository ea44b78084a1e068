# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""DeepFill v1 in PyTorch, re-created from its paper, as an opponent of our own network.

It computes what the public PyTorch port computes, in the plain way of the port: convolutions of
upsampled maps, and an attention whose filters are patches, one image after another. The port also
draws a picture of the offsets in every forward pass, which is left out here.

Letters: B batch, C channels, H W image or feature map, h w attention grid, P = L = h * w. Images
are in [-1, 1], masks are 1 in the hole.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.torch_networks import conv

RATE = 2  # the attention compares every second position
NORM_OFFSET = 1e-4  # added to the square of each element of a patch
SOFTMAX_SCALE = 10.0


class Generator(nn.Module):
    """Both stages: masked image [B, 3, H, W], mask [B, 1, H, W] -> coarse and refined image."""

    def __init__(self, n: int = 32):
        super().__init__()
        self.coarse = nn.Sequential(
            encoder((n, 2 * n, 2 * n, 4 * n, 4 * n, 4 * n), elu()),
            dilated(4 * n),
            two(4 * n, 4 * n),
            decoder(4 * n),
        )
        widths = (n, n, 2 * n, 2 * n, 4 * n, 4 * n)
        self.dilated = nn.Sequential(encoder(widths, elu()), dilated(4 * n))
        widths = (n, n, 2 * n, 4 * n, 4 * n, 4 * n)
        self.before_attention = encoder(widths, nn.ReLU(inplace=True))
        self.after_attention = two(4 * n, 4 * n)
        self.decoder = nn.Sequential(two(8 * n, 4 * n), decoder(4 * n))

    def forward(self, masked_image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        ones = torch.ones_like(mask)
        coarse = self.coarse(torch.cat([masked_image, ones, mask], 1))
        x = torch.cat([complete(coarse, masked_image, mask), ones, mask], 1)
        dilated_features, features = self.dilated(x), self.before_attention(x)
        small_mask = F.interpolate(mask, scale_factor=0.25)
        attended = self.after_attention(contextual_attention(features, features, small_mask))
        return coarse, self.decoder(torch.cat([dilated_features, attended], 1))


def complete(predicted: Tensor, image: Tensor, mask: Tensor) -> Tensor:
    """The prediction in the hole, the image elsewhere."""
    return predicted * mask + image * (1.0 - mask)


def elu() -> nn.Module:
    return nn.ELU(inplace=True)


def encoder(widths: tuple[int, ...], last: nn.Module) -> nn.Sequential:
    """[B, 5, H, W] -> [B, widths[-1], H/4, W/4]."""
    layers = [conv(5, widths[0], 5), elu()]
    for out, before, stride in zip(widths[1:], widths, (2, 1, 2, 1, 1), strict=False):
        layers += [conv(before, out, stride=stride), elu()]
    return nn.Sequential(*layers[:-1], last)


def dilated(channels: int) -> nn.Sequential:
    layers = [(conv(channels, channels, dilation=d), elu()) for d in (2, 4, 8, 16)]
    return nn.Sequential(*(layer for pair in layers for layer in pair))


def two(channels: int, out: int) -> nn.Sequential:
    return nn.Sequential(conv(channels, out), elu(), conv(out, out), elu())


def decoder(c: int) -> nn.Sequential:
    """[B, C, H/4, W/4] -> image [B, 3, H, W]."""
    return nn.Sequential(
        *(nn.Upsample(scale_factor=2), conv(c, c // 2), elu(), conv(c // 2, c // 2), elu()),
        *(nn.Upsample(scale_factor=2), conv(c // 2, c // 4), elu(), conv(c // 4, c // 8), elu()),
        *(conv(c // 8, 3), nn.Hardtanh()),
    )


def contextual_attention(foreground: Tensor, background: Tensor, mask: Tensor) -> Tensor:
    """Rebuild features [B, C, H, W] from patches of a background of the same shape.

    The mask [B, 1, H, W] is the background's. Each sample has its own; the port uses the first
    sample's for all, which takes as long.
    """
    pasted = F.unfold(background, 2 * RATE, stride=RATE, padding=RATE // 2)  # [B, 16 C, L]
    asking, answering, mask = (
        F.interpolate(x, scale_factor=1 / RATE) for x in (foreground, background, mask)
    )
    compared = F.unfold(answering, 3, padding=1)  # [B, 9 C, L]
    known = (F.unfold(mask, 3, padding=1).mean(1) == 0).to(mask.dtype)  # [B, L]
    samples = zip(*(x.split(1) for x in (asking, compared, pasted, known)), strict=True)
    return torch.cat([_rebuilt(*sample) for sample in samples])


def _rebuilt(asking: Tensor, compared: Tensor, pasted: Tensor, known: Tensor) -> Tensor:
    """One sample: [1, C, h, w], [1, 9 C, L], [1, 16 C, L], [1, L] -> [1, C, H, W]."""
    channels, h, w = asking.shape[1:]
    filters = compared[0].T.reshape(-1, channels, 3, 3)
    squares = (filters.square() + NORM_OFFSET).sum((1, 2, 3), keepdim=True)
    scores = F.conv2d(asking, filters / squares.sqrt(), padding=1)  # [1, L, h, w]
    scores = _propagated(scores.reshape(1, 1, h * w, h * w), h, w)
    known = known.reshape(1, -1, 1, 1)
    weights = torch.softmax(SOFTMAX_SCALE * (scores * known), 1) * known
    patches = pasted[0].T.reshape(-1, channels, 2 * RATE, 2 * RATE)
    return F.conv_transpose2d(weights, patches, stride=RATE, padding=RATE // 2) / 4.0


def _propagated(scores: Tensor, h: int, w: int) -> Tensor:
    """Add the scores of diagonal neighbours, row by row, then column by column."""
    identity = torch.eye(3).reshape(1, 1, 3, 3)
    scores = F.conv2d(scores, identity, padding=1).reshape(1, h, w, h, w)
    scores = scores.permute(0, 2, 1, 4, 3).reshape(1, 1, h * w, h * w)
    scores = F.conv2d(scores, identity, padding=1).reshape(1, w, h, w, h)
    return scores.permute(0, 2, 1, 4, 3).reshape(1, h * w, h, w)


class Critic(nn.Sequential):
    """Four convolutions, then a score: [B, 3, side, side] -> [B, 1]; side is a multiple of 16."""

    def __init__(self, side: int, n: int = 64):
        widths = (3, n, 2 * n, 4 * n, 4 * n)
        layers = [
            (conv(before, out, 5, stride=2), nn.LeakyReLU(0.2, inplace=True))
            for before, out in zip(widths, widths[1:], strict=False)
        ]
        score = nn.Linear(4 * n * (side // 16) ** 2, 1)
        super().__init__(*(layer for pair in layers for layer in pair), nn.Flatten(), score)


class Critics(nn.Module):
    """Of the whole image, and of the local region."""

    def __init__(self, side: int, local_side: int, n: int = 64):
        super().__init__()
        self.whole, self.local = Critic(side, n), Critic(local_side, n)
