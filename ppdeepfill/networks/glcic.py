# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The completion network of GLCIC: one stage of convolutions, dilated in the middle.

Letters: B batch, C channels, H W image, n base channels.

Source: Iizuka et al., Globally and Locally Consistent Image Completion (SIGGRAPH 2017), table 1;
`GLCIC-PyTorch`, called "the port" here.
"""

from collections.abc import Sequence
from typing import Literal

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from ppdeepfill.networks import kernels
from ppdeepfill.networks.prediction import Prediction, check_input

Order = Literal["norm_relu", "relu_norm"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # RGB in [0, 1]


# y = relu(norm(w * x + b)), or norm(relu(w * x + b))
class NormalisedConv(nn.Layer):
    """A convolution with batch normalisation and ReLU: x [B, C, H, W].

    Args:
        convolution: with bias; or a transposed one that doubles the size.
        channels: output channels of the convolution.
        order: "norm_relu" as the paper describes, or "relu_norm" as in the port.
    """

    activation = staticmethod(F.relu)
    upsampling = 1

    def __init__(self, convolution: nn.Layer, channels: int, order: Order):
        super().__init__()
        self.conv = convolution
        self.norm = nn.BatchNorm2D(channels)
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        transposed = isinstance(self.conv, nn.Conv2DTranspose)
        x = (kernels.convolve_transposed if transposed else kernels.convolve)(x, self.conv)
        return F.relu(self.norm(x)) if self.order == "norm_relu" else self.norm(F.relu(x))


class CompletionNetwork(nn.Layer):
    """The network that fills holes.

    Internally, images are in [0, 1] and holes are filled with the mean colour.

    Args:
        base_channels: width n of the first layer (paper: 64); an even number.
        mean_color: mean RGB of the training images, in [0, 1].
        order: see `NormalisedConv`.
    """

    size_multiple = 4

    def __init__(
        self,
        base_channels: int = 64,
        *,
        mean_color: Sequence[float] = IMAGENET_MEAN,
        order: Order = "norm_relu",
    ):
        super().__init__()
        self.order = order
        n = base_channels

        def conv(channels: int, out: int, size: int = 3, *, stride=1, dilation=1):
            padding = [dilation * (size // 2)] * 4
            layer = nn.Conv2D(channels, out, size, stride, padding, dilation)
            return NormalisedConv(layer, out, order)

        def up(channels: int, out: int):
            layer = nn.Conv2DTranspose(channels, out, 4, stride=2, padding=1)
            return NormalisedConv(layer, out, order)

        self.encoder = nn.Sequential(
            ("first", conv(4, n, 5)),
            ("down1", conv(n, 2 * n, stride=2)),
            ("half", conv(2 * n, 2 * n)),
            ("down2", conv(2 * n, 4 * n, stride=2)),
            ("quarter1", conv(4 * n, 4 * n)),
            ("quarter2", conv(4 * n, 4 * n)),
        )
        self.dilated = nn.Sequential(
            *((f"dilation{d}", conv(4 * n, 4 * n, dilation=d)) for d in (2, 4, 8, 16))
        )
        self.bottleneck = nn.Sequential(
            ("conv1", conv(4 * n, 4 * n)),
            ("conv2", conv(4 * n, 4 * n)),
        )
        self.decoder = nn.Sequential(
            ("up1", up(4 * n, 2 * n)),
            ("half", conv(2 * n, 2 * n)),
            ("up2", up(2 * n, n)),
            ("full", conv(n, n // 2)),
        )
        self.to_rgb = nn.Conv2D(n // 2, 3, 3, padding=[1] * 4)
        mean = paddle.to_tensor(list(mean_color), dtype=paddle.get_default_dtype())
        self.register_buffer("mean_color", mean.reshape([1, 3, 1, 1]), persistable=False)

    def forward(self, masked_image: Tensor, mask: Tensor) -> Prediction:
        """Predict the whole image.

        Args:
            masked_image: [B, 3, H, W] RGB in [-1, 1], 0 inside the hole; H and W multiples of 4.
            mask: [B, 1, H, W], 1 = hole, one per sample.

        Returns:
            `refined` [B, 3, H, W] in [-1, 1]; there is one stage and no attention.

        Raises:
            ValueError: the shapes do not match.
        """
        if paddle.in_dynamic_mode():  # while exporting a graph, sizes are symbolic
            check_input(masked_image, mask, self.size_multiple)
        known = (masked_image + 1.0) * 0.5 * (1.0 - mask)
        x = paddle.concat([known + self.mean_color * mask, mask], axis=1)  # [B, 4, H, W]
        x = self._layers(x)  # [B, n/2, H, W]
        x = F.sigmoid(kernels.convolve(x, self.to_rgb))  # [B, 3, H, W] in [0, 1]
        return Prediction(2.0 * x - 1.0)

    def _layers(self, x: Tensor) -> Tensor:
        """All layers but the last: [B, 4, H, W] -> [B, n/2, H, W]."""
        parts = (self.encoder, self.dilated, self.bottleneck, self.decoder)
        if self.order == "norm_relu":
            return kernels.convolve_in_sequence(x, parts)
        for part in parts:
            x = part(x)
        return x
