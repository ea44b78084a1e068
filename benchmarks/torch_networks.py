# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""GLCIC and RFR in PyTorch, re-created from their papers, as opponents of our own networks.

They are written in the plain way, with PyTorch's own layers and no tricks, except that masks have
one channel and that attention is two matrix products: both take less time than in the published
codes, which convolve masks of all channels and compare patches image by image.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def block(convolution: nn.Module, channels: int, activation: nn.Module) -> nn.Sequential:
    """A convolution, then batch normalisation and an activation."""
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), activation)


def conv(channels: int, out: int, size: int = 3, *, stride=1, dilation=1, bias=True) -> nn.Conv2d:
    """A convolution to size / stride."""
    padding = dilation * (size // 2)
    return nn.Conv2d(channels, out, size, stride, padding, dilation, bias=bias)


def up(channels: int, out: int, *, bias: bool = True) -> nn.ConvTranspose2d:
    """A transposed convolution that doubles the size."""
    return nn.ConvTranspose2d(channels, out, 4, 2, 1, bias=bias)


class Glcic(nn.Sequential):
    """The completion network: [filled image in [0, 1], mask], [B, 4, H, W] -> [B, 3, H, W]."""

    def __init__(self, n: int = 64):
        widths = [(4, n, 5, 1, 1), (n, 2 * n, 3, 2, 1), (2 * n, 2 * n, 3, 1, 1)]
        widths += [(2 * n, 4 * n, 3, 2, 1), *[(4 * n, 4 * n, 3, 1, 1)] * 2]
        widths += [(4 * n, 4 * n, 3, 1, d) for d in (2, 4, 8, 16)]
        widths += [(4 * n, 4 * n, 3, 1, 1)] * 2
        layers = [(conv(c, out, k, stride=s, dilation=d), out) for c, out, k, s, d in widths]
        layers += [(up(4 * n, 2 * n), 2 * n), (conv(2 * n, 2 * n), 2 * n)]
        layers += [(up(2 * n, n), n), (conv(n, n // 2), n // 2)]
        blocks = [block(layer, out, nn.ReLU()) for layer, out in layers]
        super().__init__(*blocks, conv(n // 2, 3), nn.Sigmoid())


class GlcicCritic(nn.Module):
    """Scores [B, 1] of whole images and their local patches, in [0, 1]."""

    def __init__(self, image: int, patch: int, n: int = 64):
        super().__init__()
        self.local, self.whole = self._branch(patch, 5, n), self._branch(image, 6, n)
        self.to_score = nn.Linear(32 * n, 1)

    def forward(self, image: Tensor, patch: Tensor) -> Tensor:
        return self.to_score(torch.cat([self.local(patch), self.whole(image)], 1))

    @staticmethod
    def _branch(side: int, layers: int, n: int) -> nn.Sequential:
        widths = [3, *(n * min(2**i, 8) for i in range(layers))]
        pairs = zip(widths, widths[1:], strict=False)
        blocks = [block(conv(c, out, 5, stride=2), out, nn.ReLU()) for c, out in pairs]
        features = widths[-1] * max(1, -(-side // 2**layers)) ** 2
        return nn.Sequential(*blocks, nn.Flatten(), nn.Linear(features, 16 * n), nn.ReLU())


class PartialConv(nn.Module):
    """Partial convolution: features, known [B, 1, H, W] -> the same."""

    def __init__(self, channels: int, out: int, size: int, stride: int = 1):
        super().__init__()
        self.conv = conv(channels, out, size, stride=stride, bias=False)
        self.register_buffer("ones", torch.ones(1, 1, size, size))

    def forward(self, x: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        size = self.ones.shape[-1]
        with torch.no_grad():
            seen = F.conv2d(known, self.ones, None, self.conv.stride, size // 2)
            after = seen.clamp(0, 1)
            factor = after * size**2 / (seen + 1e-8)
        return self.conv(x * known) * factor, after


class Attention(nn.Module):
    """Knowledge-consistent attention."""

    def __init__(self, channels: int):
        super().__init__()
        self.ratio = nn.Parameter(torch.ones(1))
        self.combine = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x: Tensor, before: Tensor | None, known: Tensor | None):
        keys = F.normalize(x.flatten(2) + 1e-7, dim=1)
        around = 9 * F.avg_pool2d(x, 3, 1, 1)
        scores = torch.softmax(around.flatten(2).transpose(1, 2) @ keys, 2)
        if before is not None:
            known, weight = known.flatten(2).transpose(1, 2), self.ratio.abs() + 1e-7
            scores = (before * known + scores * weight) / (known + weight)
        attended = (keys @ scores.transpose(1, 2)).reshape(x.shape)
        return self.combine(torch.cat([attended, x], 1)), scores


class Reasoning(nn.Module):
    """Encoder, decoder with skips, and the attention after its third layer."""

    def __init__(self, n: int):
        super().__init__()
        widths = ((n, 2 * n, 2, 1), (2 * n, 4 * n, 2, 1), (4 * n, 8 * n, 2, 1))
        widths += ((8 * n, 8 * n, 1, 2),) * 3
        self.encoder = nn.ModuleList(
            block(conv(c, out, stride=s, dilation=d, bias=False), out, nn.ReLU())
            for c, out, s, d in widths
        )
        layers = [(conv(16 * n, 8 * n, dilation=2, bias=False), 8 * n) for _ in range(2)]
        layers += [(up(c, o, bias=False), o) for c, o in ((16 * n, 8 * n), (12 * n, 4 * n))]
        layers.append((up(6 * n, n, bias=False), n))
        self.decoder = nn.ModuleList(block(x, out, nn.LeakyReLU(0.2)) for x, out in layers)
        self.attention = Attention(8 * n)

    def forward(self, x: Tensor, before: Tensor | None, known: Tensor | None):
        skips = []
        for layer in self.encoder:
            x = layer(x)
            skips.append(x)
        skips.pop()
        for number, layer in enumerate(self.decoder):
            x = layer(torch.cat([x, skips.pop()], 1))
            if number == 2:
                x, scores = self.attention(x, before, known)
        return x, scores


class Rfr(nn.Module):
    """RFR: masked image in [0, 1], known [B, 1, H, W] -> [B, 3, H, W]."""

    def __init__(self, n: int = 64, recurrences: int = 6):
        super().__init__()
        self.recurrences = recurrences
        self.first, self.first_norm = PartialConv(3, n, 7, 2), nn.BatchNorm2d(n)
        self.second, self.second_norm = PartialConv(n, n, 7), nn.BatchNorm2d(n)
        self.identify1, self.identify2 = PartialConv(n, n, 7), PartialConv(n, n, 7)
        self.identify_norm = nn.BatchNorm2d(n)
        self.reasoning = Reasoning(n)
        self.up = block(up(n, n, bias=False), n, nn.LeakyReLU(0.01))
        self.tail, inner = conv(n + 3, n // 2, bias=False), max(n // 8, 1)
        self.bottleneck = nn.Sequential(
            block(conv(n // 2, inner, 1, bias=False), inner, nn.ReLU()),
            block(conv(inner, inner, bias=False), inner, nn.ReLU()),
            block(conv(inner, n // 2, 1, bias=False), n // 2, nn.Identity()),
        )
        self.to_rgb = conv(n, 3, bias=False)

    def forward(self, image: Tensor, known: Tensor) -> Tensor:
        whole = known
        x, known = self.first(image, known)
        x, known = self.second(F.relu(self.first_norm(x)), known)
        x = F.relu(self.second_norm(x))
        filled, before, known_before = [(x, known)], None, None
        for _ in range(self.recurrences):
            x, known = self.identify2(*self.identify1(x, known))
            x = F.leaky_relu(self.identify_norm(x), 0.01)
            x, before = self.reasoning(x, before, known_before)
            x, known_before = x * known, known[:, :, ::4, ::4]
            filled.append((x, known))
        x = sum(x * k for x, k in filled) / (sum(k for _, k in filled) + 1e-7)
        return self._image(
            self.up(x), known.repeat_interleave(2, 2).repeat_interleave(2, 3), image, whole
        )

    def _image(self, x: Tensor, known: Tensor, image: Tensor, whole: Tensor) -> Tensor:
        """The last layers; the first of them is a partial convolution with two different masks."""
        with torch.no_grad():
            counts = 3 * whole + x.shape[1] * known
            seen = F.conv2d(counts, torch.ones(1, 1, 3, 3), None, 1, 1)
            largest = 9 * (3 + x.shape[1])
            factor = seen.clamp(0, 1) * largest / (seen + 1e-8)
        x = self.tail(torch.cat([image * whole, x * known], 1)) * factor
        x = F.leaky_relu(x, 0.01)
        return self.to_rgb(torch.cat([x, F.relu(x + self.bottleneck(x))], 1))
