# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Recurrent feature reasoning: fill the hole from its edge inward, one ring at a time.

Letters: B batch, C channels, H W image, h w feature map (half of the image), n base channels,
L positions of the attention.

Source: Li et al., Recurrent Feature Reasoning for Image Inpainting (CVPR 2020); `RFRNet.py` of
`RFR-Inpainting`, the authors' code.
"""

from collections.abc import Sequence

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from ppdeepfill.networks import kernels
from ppdeepfill.networks.activations import exportable_leaky_relu
from ppdeepfill.networks.attention.knowledge_consistent import KnowledgeConsistentAttention
from ppdeepfill.networks.layers import initialisers
from ppdeepfill.networks.partial_convolution import PartialConv2D, doubled, joined
from ppdeepfill.networks.prediction import Prediction, check_input

# Of the leaky ReLUs outside `FeatureReasoning`, and in its decoder; its encoder has plain ones.
SLOPE, DECODER_SLOPE = 0.01, 0.2
ATTENTION_STRIDE = 4  # from the recurrent features to the features of the attention
EPSILON = 1e-7  # added to the share of recurrences that knew a position, which may be 0


# y = activation(norm(w * x)), where w * x is a convolution without bias
class NormalisedConv(nn.Layer):
    """A convolution with batch normalisation and leaky ReLU: x [B, C, H, W].

    Args:
        convolution: without bias.
        channels: output channels of the convolution.
        slope: slope of the activation below 0; 1 means no activation.
    """

    def __init__(self, convolution: nn.Layer, channels: int, slope: float = 0.0):
        super().__init__()
        self.conv = convolution
        self.norm = nn.BatchNorm2D(channels)
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        transposed = isinstance(self.conv, nn.Conv2DTranspose)
        convolve = kernels.convolve_transposed if transposed else kernels.convolve_without_bias
        x = self.norm(convolve(x, self.conv))
        if self.slope == 1.0:
            return x
        return F.relu(x) if self.slope == 0.0 else exportable_leaky_relu(x, self.slope)


class FeatureReasoning(nn.Layer):
    """Encoder and decoder with skips, and attention in the decoder: x [B, n, h, w].

    Args:
        base_channels: width n of the features; up to 8n internally.
    """

    def __init__(self, base_channels: int):
        super().__init__()
        n = base_channels

        def down(channels: int, out: int) -> NormalisedConv:
            return NormalisedConv(_conv(channels, out, 3, stride=2), out)

        def dilated(channels: int, slope: float = 0.0) -> NormalisedConv:
            return NormalisedConv(_conv(channels, 8 * n, 3, dilation=2), 8 * n, slope)

        def up(channels: int, out: int) -> NormalisedConv:
            return NormalisedConv(_up(channels, out), out, DECODER_SLOPE)

        self.encoder = nn.LayerList([down(n, 2 * n), down(2 * n, 4 * n), down(4 * n, 8 * n)])
        self.encoder.extend(dilated(8 * n) for _ in range(3))
        self.decoder = nn.LayerList([dilated(16 * n, DECODER_SLOPE) for _ in range(2)])
        self.decoder.extend([up(16 * n, 8 * n), up(12 * n, 4 * n), up(6 * n, n)])
        self.attention = KnowledgeConsistentAttention(8 * n)

    def forward(
        self, x: Tensor, scores_before: Tensor | None, known_before: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Reason once.

        Args:
            x: [B, n, h, w]; h and w multiples of 8.
            scores_before, known_before: from the previous recurrence, see the attention.

        Returns:
            [B, n, h, w], and the attention's scores [B, L, L].
        """
        skips = []
        for block in self.encoder:
            x = block(x)
            skips.append(x)
        skips.pop()
        for block in self.decoder[:3]:
            x = block(paddle.concat([x, skips.pop()], axis=1))
        x, scores = self.attention(x, scores_before, known_before)
        for block in self.decoder[3:]:
            x = block(paddle.concat([x, skips.pop()], axis=1))
        return x, scores


# y = relu(x + f(x)), where f goes through a narrow middle
class Bottleneck(nn.Layer):
    """A residual block with a narrow middle: x [B, C, H, W]."""

    def __init__(self, channels: int, inner: int):
        super().__init__()
        self.narrow = NormalisedConv(_conv(channels, inner, 1), inner)
        self.middle = NormalisedConv(_conv(inner, inner, 3), inner)
        self.widen = NormalisedConv(_conv(inner, channels, 1), channels, slope=1.0)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.widen(self.middle(self.narrow(x))))


class Rfr(nn.Layer):
    """The network with recurrent feature reasoning.

    Internally, images are in [0, 1] and `known` is 1 outside the hole.

    Args:
        base_channels: width n of the recurrent features (authors: 64); an even number.
        recurrences: how many times the hole shrinks (paper: 6).
    """

    size_multiple = 16

    def __init__(self, base_channels: int = 64, *, recurrences: int = 6):
        super().__init__()
        n = base_channels
        self.recurrences = recurrences
        self.first, self.first_norm = _partial(3, n, 7, stride=2), nn.BatchNorm2D(n)
        self.second, self.second_norm = _partial(n, n, 7), nn.BatchNorm2D(n)
        self.identify1, self.identify2 = _partial(n, n, 7), _partial(n, n, 7)
        self.identify_norm = nn.BatchNorm2D(n)
        self.reasoning = FeatureReasoning(n)
        self.up = NormalisedConv(_up(n, n), n, SLOPE)
        self.tail = _partial(n + 3, n // 2, 3)
        self.bottleneck = Bottleneck(n // 2, max(n // 8, 1))
        self.to_rgb = _conv(n, 3, 3)

    def forward(self, masked_image: Tensor, mask: Tensor) -> Prediction:
        """Predict the whole image.

        Args:
            masked_image: [B, 3, H, W] RGB in [-1, 1], 0 inside the hole; H and W multiples of 16.
            mask: [B, 1, H, W], 1 = hole, one per sample.

        Returns:
            `refined` [B, 3, H, W], with values that may leave [-1, 1], and the `attention` of the
            last recurrence [B, L, H/8, W/8].

        Raises:
            ValueError: the shapes do not match.
        """
        if paddle.in_dynamic_mode():  # while exporting a graph, sizes are symbolic
            check_input(masked_image, mask, self.size_multiple)
        known = 1.0 - mask
        image = (masked_image + 1.0) * 0.5 * known
        features, known_features, scores = self._reason(image, known)
        x = self.up(features)  # [B, n, H, W]
        x, _ = self.tail(*joined((image, known), (x, doubled(known_features))))
        x = exportable_leaky_relu(x, SLOPE)
        x = paddle.concat([x, self.bottleneck(x)], axis=1)
        x = kernels.convolve_without_bias(x, self.to_rgb)
        return Prediction(2.0 * x - 1.0, attention=_as_maps(scores, known))

    def _reason(self, image: Tensor, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Merged features [B, n, h, w], their known positions at the end, and the last scores."""
        x, known = self.first(image, known)
        x, known = self.second(F.relu(self.first_norm(x)), known)
        x = F.relu(self.second_norm(x))
        filled, scores, known_before = [(x, known)], None, None
        for _ in range(self.recurrences):
            x, known = self.identify2(*self.identify1(x, known))
            x = exportable_leaky_relu(self.identify_norm(x), SLOPE)
            x, scores = self.reasoning(x, scores, known_before)
            x = kernels.scale_positions(x, known)
            known_before = known[:, :, ::ATTENTION_STRIDE, ::ATTENTION_STRIDE]
            filled.append((x, known))
        return merged(filled), known, scores


# y = mean of x known / (mean of known + 1e-7)
def merged(filled: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Average each position over the recurrences that had filled it: [B, C, h, w].

    Args:
        filled: features [B, C, h, w] and their known positions [B, 1, h, w].
    """
    share = sum(known for _, known in filled) / len(filled)
    total = sum(kernels.scale_positions(x, known) for x, known in filled) / len(filled)
    return kernels.scale_positions(total, (share + EPSILON).reciprocal())


def _as_maps(scores: Tensor, known: Tensor) -> Tensor:
    """Scores [B, L, L] -> [B, L, H/8, W/8]."""
    step = 2 * ATTENTION_STRIDE
    batch, _, height, width = paddle.shape(known[:, :, ::step, ::step])
    return scores.transpose([0, 2, 1]).reshape([batch, -1, height, width])


def _partial(channels: int, out: int, size: int, *, stride: int = 1) -> PartialConv2D:
    attribute = initialisers(channels * size**2, "torch")["weight_attr"]
    return PartialConv2D(channels, out, size, stride=stride, weight_attr=attribute)


def _conv(channels: int, out: int, size: int, *, stride: int = 1, dilation: int = 1) -> nn.Conv2D:
    attribute = initialisers(channels * size**2, "torch")["weight_attr"]
    padding = [dilation * (size // 2)] * 4
    return nn.Conv2D(
        channels, out, size, stride, padding, dilation, weight_attr=attribute, bias_attr=False
    )


def _up(channels: int, out: int) -> nn.Conv2DTranspose:
    attribute = initialisers(out * 4**2, "torch")["weight_attr"]
    return nn.Conv2DTranspose(channels, out, 4, 2, 1, weight_attr=attribute, bias_attr=False)
