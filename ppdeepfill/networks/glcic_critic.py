# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The critic of GLCIC: one score from the whole image and the local patch together.

Letters: B batch, H W image, h w local patch, n base channels.

Source: Iizuka et al. (SIGGRAPH 2017), table 2, where the two branches are the global and the local
discriminator; `GLCIC-PyTorch`, called "the port" here.
"""

import math

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from ppdeepfill.networks.glcic import NormalisedConv, Order

WIDEST = 8  # no convolution is wider than 8n; a branch returns 16n features


# features = relu(V conv_layers(... conv_1(image)) + c), each conv followed by norm and relu
class CriticBranch(nn.Layer):
    """5x5 convolutions with stride 2 and one linear layer: [B, 3, *size] -> [B, 16n].

    Args:
        size: (height, width) of its images. Any size works; the port needs multiples of
            2 ** layers.
        layers: number of convolutions.
        base_channels: width n of the first convolution; each next one doubles it, up to 8n.
        order: see `NormalisedConv`.
    """

    def __init__(self, size: tuple[int, int], layers: int, base_channels: int, order: Order):
        super().__init__()
        self.size = tuple(size)
        blocks, channels = [], 3
        for number in range(layers):
            width = base_channels * min(2**number, WIDEST)
            convolution = nn.Conv2D(channels, width, 5, stride=2, padding=[2] * 4)
            blocks.append(NormalisedConv(convolution, width, order))
            size, channels = (math.ceil(size[0] / 2), math.ceil(size[1] / 2)), width
        self.convolutions = nn.Sequential(*blocks)
        self.to_features = nn.Linear(channels * size[0] * size[1], 2 * WIDEST * base_channels)

    def forward(self, image: Tensor) -> Tensor:
        """image [B, 3, *size] in [-1, 1] -> features [B, 16n]."""
        if tuple(image.shape[2:]) != self.size:
            raise ValueError(
                f"this critic was built for images of {self.size}; got {list(image.shape)}"
            )
        x = self.convolutions((image + 1.0) * 0.5)
        return F.relu(self.to_features(x.flatten(1)))


# score = <v, [local(patch), whole(image)]> + c
class JointCritic(nn.Layer):
    """Both branches joined by one linear layer.

    Args:
        image_size: (H, W) of the whole image.
        local_size: (h, w) of the local patch.
        base_channels: n (paper: 64).
        local_layers: convolutions of the local branch (paper: 5 for 128 px).
        global_layers: convolutions of the global branch (paper: 6 for 256 px; port: 5 for 160 px).
        order: see `NormalisedConv`.
    """

    def __init__(
        self,
        image_size: tuple[int, int],
        local_size: tuple[int, int],
        base_channels: int = 64,
        *,
        local_layers: int = 5,
        global_layers: int = 6,
        order: Order = "norm_relu",
    ):
        super().__init__()
        self.local = CriticBranch(local_size, local_layers, base_channels, order)
        self.whole = CriticBranch(image_size, global_layers, base_channels, order)
        self.to_score = nn.Linear(4 * WIDEST * base_channels, 1)

    def forward(self, image: Tensor, patch: Tensor) -> Tensor:
        """Score whole images [B, 3, H, W] with their local patches [B, 3, h, w], in [-1, 1].

        Returns:
            Scores [B, 1]; their sigmoid is the probability that an image is real.
        """
        return self.to_score(paddle.concat([self.local(patch), self.whole(image)], axis=1))
