# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A critic that scores overlapping patches rather than the image as a whole.

Letters: B batch, H W image, h w patches, n base channels.

Source: Isola et al., pix2pix (CVPR 2017), in the form of `Interactive-Image-Inpainting` (Yu et al.
2022).
"""

import paddle.nn.functional as F
from paddle import Tensor, nn

SLOPE = 0.2  # of the leaky ReLU


class PatchCritic(nn.Layer):
    """4x4 convolutions with stride 2 and instance normalisation, then one score per patch.

    Args:
        base_channels: width n of the first convolution; the next ones double it.
        layers: convolutions before the last.
    """

    def __init__(self, base_channels: int = 64, *, layers: int = 4):
        super().__init__()
        blocks, channels = [], 3
        for number in range(layers):
            width = base_channels * 2**number
            blocks.append(nn.Conv2D(channels, width, 4, stride=2, padding=1))
            blocks.append(nn.InstanceNorm2D(width, weight_attr=False, bias_attr=False))
            blocks.append(nn.LeakyReLU(SLOPE))
            channels = width
        self.features = nn.Sequential(*blocks)
        self.to_score = nn.Conv2D(channels, 1, 4, padding=1, bias_attr=False)

    def forward(self, image: Tensor) -> Tensor:
        """image [B, 3, H, W] in [-1, 1] -> unbounded scores [B, 1, H / 2^layers, W / 2^layers]."""
        x = F.pad(self.features(image), [1, 0, 1, 0])  # left and top, which keeps the size
        return self.to_score(x)
