# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A critic that scores overlapping patches instead of the whole image.

Letters: B batch, H W image, n base channels.

Source: Isola et al., pix2pix (CVPR 2017), in the form of `Interactive-Image-Inpainting` (Yu et al.
2022).
"""

from typing import Literal

import paddle.nn.functional as F
from paddle import Tensor, nn

from ppdeepfill.networks.spectral_norm import SpectralConv2D

Norm = Literal["instance", "spectral"]

SLOPE = 0.2  # of the leaky ReLU


# scores = v * leaky_relu(norm(w_layers * ... leaky_relu(norm(w_1 * image)))), one for each patch
class PatchCritic(nn.Layer):
    """4x4 convolutions with stride 2, then one score per patch.

    Args:
        base_channels: width n of the first convolution; each next one doubles it.
        layers: number of convolutions before the last one.
        norm: normalisation in every layer but the last: "instance" normalises the features,
            "spectral" the weights.
    """

    def __init__(self, base_channels: int = 64, *, layers: int = 4, norm: Norm = "instance"):
        super().__init__()
        convolution = SpectralConv2D if norm == "spectral" else nn.Conv2D
        blocks, channels = [], 3
        for number in range(layers):
            width = base_channels * 2**number
            blocks.append(convolution(channels, width, 4, stride=2, padding=1))
            if norm == "instance":
                blocks.append(nn.InstanceNorm2D(width, weight_attr=False, bias_attr=False))
            blocks.append(nn.LeakyReLU(SLOPE))
            channels = width
        self.features = nn.Sequential(*blocks)
        self.to_score = nn.Conv2D(channels, 1, 4, padding=1, bias_attr=False)

    def forward(self, image: Tensor) -> Tensor:
        """image [B, 3, H, W] in [-1, 1] -> unbounded scores [B, 1, H / 2^layers, W / 2^layers]."""
        x = F.pad(self.features(image), [1, 0, 1, 0])  # left and top, to keep the size
        return self.to_score(x)
