# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Shift-Net: a U-Net whose decoder copies known features into the hole, at 1/8 of the size.

Letters: B batch, C channels, H W image, n base channels.

Source: Yan et al., Shift-Net: Image Inpainting via Deep Feature Rearrangement (ECCV 2018);
`UnetGeneratorShiftTriple` of `Shift-Net_pytorch`, the authors' code.
"""

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from ppdeepfill.networks.activations import exportable_leaky_relu
from ppdeepfill.networks.prediction import Prediction, check_input
from ppdeepfill.networks.shift import shift

SHIFT_LEVEL = 3  # the shift works at 1 / 2^3 of the size
SLOPE = 0.2  # of the encoder's leaky ReLU


# y = norm(w * x + b), where w * x is a convolution
class NormalisedConv(nn.Layer):
    """A convolution, then instance normalisation if there is one: x [B, C, H, W]."""

    def __init__(self, convolution: nn.Layer, norm: nn.Layer | None = None):
        super().__init__()
        self.conv = convolution
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x if self.norm is None else self.norm(x)


class ShiftNet(nn.Layer):
    """U-Net with one shift operation.

    Args:
        base_channels: width n of the first layer (authors: 64); each next one doubles it, up to 8n.
        levels: how many times the image is halved (authors: 8, for 256 pixels); at least 4.

    Attributes:
        size_multiple: 2 ** levels; image sides must be multiples of it.
    """

    def __init__(self, base_channels: int = 64, *, levels: int = 8):
        super().__init__()
        if levels <= SHIFT_LEVEL:
            raise ValueError(
                f"levels must be more than {SHIFT_LEVEL}, the level of the shift; got {levels}"
            )
        self.size_multiple = 2**levels
        widths = [base_channels * min(2**level, 8) for level in range(levels)]
        self.down, self.up = nn.LayerList(), nn.LayerList()
        for level, width in enumerate(widths):
            first, last = level == 0, level == levels - 1
            below = 4 if first else widths[level - 1]
            conv = nn.Conv2D(below, width, 4, stride=2, padding=1)
            norm = None if first or last else nn.InstanceNorm2D(width)
            self.down.append(NormalisedConv(conv, norm))
            # Features from below, the skip connection, and the shifted features.
            parts = 1 if last else 3 if level == SHIFT_LEVEL - 1 else 2
            out = 3 if first else below
            conv = nn.Conv2DTranspose(parts * width, out, 4, stride=2, padding=1)
            self.up.append(NormalisedConv(conv, None if first else nn.InstanceNorm2D(out)))

    def forward(self, masked_image: Tensor, mask: Tensor) -> Prediction:
        """Predict the whole image.

        Args:
            masked_image: [B, 3, H, W] RGB in [-1, 1], 0 inside the hole; H and W multiples of
                2 ** levels.
            mask: [B, 1, H, W], 1 = hole, one per sample. The shift, at 1/8 of the size, looks at
                every eighth pixel of it, so it does not see a hole that falls between these.

        Returns:
            `refined` [B, 3, H, W] in [-1, 1], and `offsets` [B, 2, H/8, W/8] to where each feature
            in the hole was copied from.

        Raises:
            ValueError: the shapes do not match.
        """
        return self.with_features(masked_image, mask)[0]

    def with_features(self, masked_image: Tensor, mask: Tensor) -> tuple[Prediction, Tensor]:
        """Return the prediction and the decoder's features before the shift [B, 4n, H/8, W/8]."""
        if paddle.in_dynamic_mode():  # while exporting a graph, sizes are symbolic
            check_input(masked_image, mask, self.size_multiple)
        skips = self._encode(masked_image, mask, len(self.down))
        x = self.up[-1](F.relu(skips[-1]))
        for level in reversed(range(SHIFT_LEVEL, len(self.up) - 1)):
            x = self.up[level](F.relu(paddle.concat([x, skips[level]], axis=1)))
        decoder, encoder = F.relu(x), F.relu(skips[SHIFT_LEVEL - 1])  # [B, 4n, H/8, W/8]
        hole = mask[:, :, :: 2**SHIFT_LEVEL, :: 2**SHIFT_LEVEL]
        shifted, offsets = shift(decoder, encoder, hole)
        x = self.up[SHIFT_LEVEL - 1](paddle.concat([decoder, encoder, shifted], axis=1))
        for level in reversed(range(SHIFT_LEVEL - 1)):
            x = self.up[level](F.relu(paddle.concat([x, skips[level]], axis=1)))
        return Prediction(F.tanh(x), offsets=offsets), decoder

    def encoder_features(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return the encoder's features at the level of the shift: [B, 4n, H/8, W/8].

        Arguments as in `forward`, except that the image need not be masked.
        """
        return F.relu(self._encode(image, mask, SHIFT_LEVEL)[-1])

    def _encode(self, image: Tensor, mask: Tensor, levels: int) -> list[Tensor]:
        """Features of each level before activation, starting at [B, C, H/2, W/2]."""
        x = paddle.concat([image, 1.0 - mask], axis=1)  # [B, 4, H, W]; as the authors, 1 = known
        features = [self.down[0](x)]
        for level in range(1, levels):
            features.append(self.down[level](exportable_leaky_relu(features[-1], SLOPE)))
        return features
