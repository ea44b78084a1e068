# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The convolutional part of VGG-16; losses and metrics compare its features.

Letters: B batch, H W image, C channels, h w feature map.

Source: Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition
(2015), Table 1, column D.
"""

from collections.abc import Collection

import paddle
from paddle import Tensor, nn

from ppdeepfill.networks import kernels

BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # (width, convolutions)

# Statistics of the RGB images in [-1, 1] that torchvision's and Paddle's weights were trained on.
MEAN = (-0.030, -0.088, -0.188)
DEVIATION = (0.458, 0.448, 0.450)


class Vgg16(nn.Layer):
    """Features of VGG-16: relu1_1, relu1_2, pool1, relu2_1 ... relu5_3, pool5.

    The weights are named as in torchvision and Paddle, features.N.weight and features.N.bias;
    `ppdeepfill.weights.published.load_vgg16` reads them from a file.

    Attributes:
        names: names of the layers in order, conv1_1 to pool5.
    """

    def __init__(self):
        super().__init__()
        named, channels = {}, 3
        for block, (width, convolutions) in enumerate(BLOCKS, start=1):
            for number in range(1, convolutions + 1):
                named[f"conv{block}_{number}"] = nn.Conv2D(channels, width, 3, padding=[1] * 4)
                named[f"relu{block}_{number}"] = nn.ReLU()
                channels = width
            named[f"pool{block}"] = nn.MaxPool2D(2)
        self.names = tuple(named)
        self.features = nn.LayerList(named.values())

    def forward(self, image: Tensor, wanted: Collection[str]) -> dict[str, Tensor]:
        """Return the output of the named layers; layers after the last of them are not computed.

        Args:
            image: [B, 3, H, W] as the weights expect it; see `normalised`.
            wanted: names of layers.

        Returns:
            Name -> [B, C, h, w], in the order of the layers.

        Raises:
            ValueError: there is no layer of that name.
        """
        if unknown := set(wanted) - set(self.names):
            raise ValueError(f"VGG-16 has no {sorted(unknown)}; it has {', '.join(self.names)}")
        features: dict[str, Tensor] = {}
        for name, layer in zip(self.names, self.features, strict=True):
            if len(features) == len(set(wanted)):
                break
            is_convolution = isinstance(layer, nn.Conv2D)
            image = kernels.convolve(image, layer) if is_convolution else layer(image)
            if name in wanted:
                features[name] = image
        return features


# y = (x - mean) / deviation, per channel
def normalised(image: Tensor) -> Tensor:
    """RGB images [B, 3, H, W] in [-1, 1] -> the normalisation that the published weights expect."""
    mean, deviation = (paddle.to_tensor(x).reshape([1, 3, 1, 1]) for x in (MEAN, DEVIATION))
    return (image - mean) / deviation
