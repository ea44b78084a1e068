# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The two Wasserstein critics of DeepFill v1: one sees the whole image, one the local patch.

Letters: B batch, H W image, h w local patch, n base channels.

Source: Yu et al. (CVPR 2018), section 3; widths from `build_wgan_local_discriminator` and
`build_wgan_global_discriminator` of the authors' code (branch v1.0.0).
"""

import math

from paddle import Tensor, nn

from ppdeepfill.networks.activations import leaky_relu
from ppdeepfill.networks.layers import ConvBlock, initialisers
from ppdeepfill.networks.reference import Reference


# score = <v, features(image)> + c
class Critic(nn.Layer):
    """Four 5x5 convolutions with stride 2, then one score per image.

    Args:
        size: (height, width) of the images to score.
        widths: output channels of the four convolutions.
        reference: whose padding and initialisation to use.
    """

    def __init__(
        self,
        size: tuple[int, int],
        widths: tuple[int, int, int, int],
        *,
        reference: Reference = "tensorflow",
    ):
        super().__init__()
        self.size = tuple(size)
        blocks, channels = [], 3
        for width in widths:
            blocks.append(
                ConvBlock(
                    channels,
                    width,
                    5,
                    stride=2,
                    activation=leaky_relu,
                    reference=reference,
                    input_size=size,
                )
            )
            size, channels = (math.ceil(size[0] / 2), math.ceil(size[1] / 2)), width
        self.convolutions = nn.Sequential(*blocks)
        self.features = channels * size[0] * size[1]
        self.to_score = nn.Linear(self.features, 1, **initialisers(self.features, reference))

    def forward(self, image: Tensor) -> Tensor:
        """image [B, 3, *size] in [-1, 1] -> unbounded score [B, 1]."""
        if tuple(image.shape[2:]) != self.size:
            raise ValueError(
                f"this critic was built for images of {self.size}; got {list(image.shape)}"
            )
        x = self.convolutions(image)
        return self.to_score(x.flatten(1))


class GlobalCritic(Critic):
    """Critic of the whole image: [B, 3, H, W] -> [B, 1]; widths n, 2n, 4n, 4n."""

    def __init__(
        self,
        image_size: tuple[int, int],
        base_channels: int = 64,
        *,
        reference: Reference = "tensorflow",
    ):
        n = base_channels
        super().__init__(image_size, (n, 2 * n, 4 * n, 4 * n), reference=reference)


class LocalCritic(Critic):
    """Critic of the region around the hole: [B, 3, h, w] -> [B, 1].

    Widths n, 2n, 4n, and 8n as in the authors' code or 4n as in the PyTorch port.
    """

    def __init__(
        self,
        local_size: tuple[int, int],
        base_channels: int = 64,
        *,
        reference: Reference = "tensorflow",
    ):
        n = base_channels
        last = 8 * n if reference == "tensorflow" else 4 * n
        super().__init__(local_size, (n, 2 * n, 4 * n, last), reference=reference)


class Critics(nn.Layer):
    """Both critics, trained together.

    Args:
        image_size: (H, W) of the whole image.
        local_size: (h, w) of the local patch.
        base_channels: n.
        reference: "tensorflow" or "torch", see `LocalCritic` and `ConvBlock`.
    """

    def __init__(
        self,
        image_size: tuple[int, int],
        local_size: tuple[int, int],
        base_channels: int = 64,
        *,
        reference: Reference = "tensorflow",
    ):
        super().__init__()
        self.whole = GlobalCritic(image_size, base_channels, reference=reference)
        self.local = LocalCritic(local_size, base_channels, reference=reference)
