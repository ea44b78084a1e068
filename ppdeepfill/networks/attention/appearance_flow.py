# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Appearance flow: a small network predicts for each position where to look.

Letters: B batch, C channels, h w feature map.

Source: Zhou et al., View Synthesis by Appearance Flow (ECCV 2016), on features instead of pixels,
as in the comparison in the DeepFill v1 paper (figure 8). The code of that comparison was never
published; the layers are ours.
"""

import paddle
from paddle import ParamAttr, Tensor, nn

from ppdeepfill.networks.attention import Attended
from ppdeepfill.networks.attention.sampling import localisation, look_at, own_places
from ppdeepfill.networks.layers import UpsampledConvBlock

FIRST_FLOW = 1e-3  # deviation of the last layer's weights, so that training starts with small flows


# y = background at p + flow(p) for each position p of the hole, bilinear
class AppearanceFlow(nn.Layer):
    """Fills the hole with features from where a predicted flow points; the known region stays.

    Args:
        channels: C, an even number.

    Attributes:
        size_multiple: the sides of the feature maps must be multiples of it.
    """

    size_multiple = 2

    def __init__(self, channels: int):
        super().__init__()
        n = channels
        self.encoder = localisation(
            n + 1, n, halving="down", dilated={f"dilation{d}": d for d in (2, 4, 8)}
        )
        self.encoder.add_sublayer("up", UpsampledConvBlock(n, n // 2))
        small = ParamAttr(initializer=nn.initializer.Normal(std=FIRST_FLOW))
        self.to_flow = nn.Conv2D(n // 2, 2, 3, padding=1, weight_attr=small)

    def forward(self, foreground: Tensor, background: Tensor, mask: Tensor) -> Attended:
        """Predict the flow from the foreground, and sample the background.

        Args:
            foreground: [B, C, h, w] features to predict the flow from.
            background: [B, C, h, w] features to sample.
            mask: [B, 1, h, w], 1 = hole.

        Returns:
            Features [B, C, h, w], and the offsets [B, 2, h, w], 0 outside the hole.
        """
        # [B, 2, h, w] (dy, dx), where 2 is the size of the feature map
        flow = self.to_flow(self.encoder(paddle.concat([foreground, mask], axis=1)))
        return look_at(own_places(mask) + flow, foreground, background, mask)
