# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Spatial transformer: one affine map per image says where its positions look.

Letters: B batch, C channels, h w feature map.

Source: Jaderberg et al., Spatial Transformer Networks (NIPS 2015), section 3, as in the comparison
in the DeepFill v1 paper (figure 8). The code of that comparison was never published; the
localisation network is ours.
"""

import numpy as np
import paddle
from paddle import ParamAttr, Tensor, nn

from ppdeepfill.networks.attention import Attended
from ppdeepfill.networks.attention.sampling import localisation, look_at, own_places

IDENTITY = np.array([1.0, 0.0, 0.0, 0.0, 1.0, 0.0], np.float32)
FIRST_MAP = 1e-3  # deviation of the last layer's weights: training starts close to the identity


# y = background at A p for each position p of the hole, with A affine, bilinear
class SpatialTransformer(nn.Layer):
    """Fills the hole with features from where an affine map points; the known region stays.

    Args:
        channels: C.

    Attributes:
        size_multiple: the sides of the feature maps must be multiples of it.
    """

    size_multiple = 2

    def __init__(self, channels: int):
        super().__init__()
        n = channels
        self.localisation = localisation(n + 3, n, halving="down1", dilated={"wide": 2, "wider": 4})
        self.to_map = nn.Linear(
            n,
            6,
            weight_attr=ParamAttr(initializer=nn.initializer.Normal(std=FIRST_MAP)),
            bias_attr=ParamAttr(initializer=nn.initializer.Assign(IDENTITY)),
        )

    def forward(self, foreground: Tensor, background: Tensor, mask: Tensor) -> Attended:
        """Predict the map from the foreground, and sample the background.

        Args:
            foreground: [B, C, h, w] features to predict the map from.
            background: [B, C, h, w] features to sample.
            mask: [B, 1, h, w], 1 = hole.

        Returns:
            Features [B, C, h, w], and the offsets [B, 2, h, w], 0 outside the hole.
        """
        here = own_places(mask) + 0.0 * mask  # [B, 2, h, w]
        # The mean below loses positions, so they are among the inputs.
        x = self.localisation(paddle.concat([foreground, mask, here], axis=1))
        affine = self.to_map(x.mean(axis=3).mean(axis=2))  # [B, 6]: a row for y, a row for x
        homogeneous = paddle.concat([here, 0.0 * mask + 1.0], axis=1).flatten(2)  # [B, 3, h w]
        places = paddle.matmul(affine.reshape([-1, 2, 3]), homogeneous)  # [B, 2, h w]
        return look_at(places.reshape(paddle.shape(here)), foreground, background, mask)
