# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The U-Net of partial convolutions.

Letters: B batch, C channels, H W image, n base channels.

Source: Liu et al., Image Inpainting for Irregular Holes Using Partial Convolutions (ECCV 2018),
section 3.2 and table 4; `PConvUNet` of the port `pytorch-inpainting-with-partial-conv`, because the
authors published only the layer.
"""

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from ppdeepfill.networks.activations import Activation, exportable_leaky_relu
from ppdeepfill.networks.partial_convolution import PartialConv2D, doubled, joined
from ppdeepfill.networks.prediction import Prediction, check_input
from ppdeepfill.networks.vgg import DEVIATION, MEAN

FIRST_SIZES = (7, 5, 5)  # of the encoder's filters; 3 afterwards
SLOPE = 0.2  # of the decoder's leaky ReLU


# y = activation(norm(c)), where c is the partial convolution of x
class PartialBlock(nn.Layer):
    """Partial convolution, batch normalisation and activation.

    Args:
        convolution: the partial convolution.
        channels: output channels of the convolution; None omits the normalisation.
        activation: applied to each value; None applies none.
    """

    def __init__(
        self,
        convolution: PartialConv2D,
        channels: int | None = None,
        activation: Activation | None = None,
    ):
        super().__init__()
        self.conv = convolution
        self.norm = None if channels is None else nn.BatchNorm2D(channels)
        self.activation = activation

    def forward(self, x: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """x [B, C, H, W] and its known positions -> the same for the result."""
        x, known = self.conv(x, known)
        x = x if self.norm is None else self.norm(x)
        return (x if self.activation is None else self.activation(x)), known


class PartialUNet(nn.Layer):
    """U-Net of partial convolutions; its decoder doubles the size by repeating pixels.

    Internally, images are normalised with the mean and deviation of ImageNet, holes are 0 and
    `known` is 1 outside them.

    Args:
        base_channels: width n of the first layer (paper: 64); each next one doubles it, up to 8n.
        levels: how many times the image is halved (port: 7, for 256 pixels; paper: 8, for 512).

    Attributes:
        size_multiple: 2 ** levels; image sides must be multiples of it.
    """

    def __init__(self, base_channels: int = 64, *, levels: int = 7):
        super().__init__()
        self.size_multiple = 2**levels
        widths = [3, *(base_channels * min(2**level, 8) for level in range(levels))]
        self.encoder, self.decoder = nn.LayerList(), nn.LayerList()
        for level in range(levels):
            above, below = widths[level], widths[level + 1]
            first = level == 0
            size = FIRST_SIZES[level] if level < len(FIRST_SIZES) else 3
            conv = PartialConv2D(above, below, size, stride=2)
            self.encoder.append(PartialBlock(conv, None if first else below, F.relu))
            conv = PartialConv2D(below + above, above, 3, bias=first)
            block = PartialBlock(conv) if first else PartialBlock(conv, above, _leaky_relu)
            self.decoder.append(block)
        for name, values in (("mean", MEAN), ("deviation", DEVIATION)):
            values = paddle.to_tensor(list(values), dtype=paddle.get_default_dtype())
            self.register_buffer(name, values.reshape([1, 3, 1, 1]), persistable=False)

    def forward(self, masked_image: Tensor, mask: Tensor) -> Prediction:
        """Predict the whole image.

        Args:
            masked_image: [B, 3, H, W] RGB in [-1, 1], 0 inside the hole; H and W multiples of
                2 ** levels.
            mask: [B, 1, H, W], 1 = hole, one per sample.

        Returns:
            `refined` [B, 3, H, W], with values that may leave [-1, 1]; there is one stage and no
            attention.

        Raises:
            ValueError: the shapes do not match.
        """
        if paddle.in_dynamic_mode():  # while exporting a graph, sizes are symbolic
            check_input(masked_image, mask, self.size_multiple)
        known = 1.0 - mask
        x = (masked_image - self.mean) / self.deviation * known
        skips = [(x, known)]
        for block in self.encoder:
            x, known = block(x, known)
            skips.append((x, known))
        skips.pop()
        for block in reversed(self.decoder):
            x, known = block(*joined((doubled(x), doubled(known)), skips.pop()))
        return Prediction(x * self.deviation + self.mean)


def _leaky_relu(x: Tensor) -> Tensor:
    return exportable_leaky_relu(x, SLOPE)
