# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Appearance flow: a small network predicts for each position where to look.

Letters: B batch, C channels, h w feature map.

Source: Zhou et al., View Synthesis by Appearance Flow (ECCV 2016), on features in place of pixels,
as the paper of DeepFill v1 compares it (figure 8). That comparison was never published as code; the
layers are ours.
"""

import paddle
from paddle import ParamAttr, Tensor, nn

from ppdeepfill.networks.attention import Attended
from ppdeepfill.networks.attention.sampling import look_at, own_places
from ppdeepfill.networks.layers import ConvBlock, ConvSequence, UpsampledConvBlock

FIRST_FLOW = 1e-3  # deviation of the last layer's weights: training starts by looking nearby


# y = background at p + flow(p) for each position p of the hole, bilinear
class AppearanceFlow(nn.Layer):
    """The hole gets features from where a predicted flow leads; what is known stays.

    Args:
        channels: C, an even number.

    Attributes:
        size_multiple: of the sides of the features.
    """

    size_multiple = 2

    def __init__(self, channels: int):
        super().__init__()
        n = channels
        self.encoder = ConvSequence(
            ("down", ConvBlock(n + 1, n, stride=2)),
            *((f"dilation{d}", ConvBlock(n, n, dilation=d)) for d in (2, 4, 8)),
            ("up", UpsampledConvBlock(n, n // 2)),
        )
        small = ParamAttr(initializer=nn.initializer.Normal(std=FIRST_FLOW))
        self.to_flow = nn.Conv2D(n // 2, 2, 3, padding=1, weight_attr=small)

    def forward(self, foreground: Tensor, background: Tensor, mask: Tensor) -> Attended:
        """Predict the flow from the foreground, and sample the background.

        Args:
            foreground: [B, C, h, w] features that the flow is predicted from.
            background: [B, C, h, w] features that are sampled.
            mask: [B, 1, h, w], 1 = hole.

        Returns:
            Features [B, C, h, w], and the offsets [B, 2, h, w], 0 outside the hole.
        """
        # [B, 2, h, w] (dy, dx); 2 spans the feature map
        flow = self.to_flow(self.encoder(paddle.concat([foreground, mask], axis=1)))
        return look_at(own_places(mask) + flow, foreground, background, mask)
