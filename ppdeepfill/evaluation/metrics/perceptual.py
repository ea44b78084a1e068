# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""LPIPS: the distance of two images in the features of a network that recognises objects.

Letters: C channels, h w feature map.

Source: Zhang et al., The Unreasonable Effectiveness of Deep Features as a Perceptual Metric (2018),
equation 1; constants as in the authors' package, version 0.1.
"""

from pathlib import Path

import numpy as np
import paddle
from numpy import ndarray
from paddle import Tensor, nn
from paddle.vision.models import vgg16

from ppdeepfill.weights.generator_file import load_weights
from ppdeepfill.weights.published import read_weights

# Of images in [-1, 1].
MEAN = (-0.030, -0.088, -0.188)
DEVIATION = (0.458, 0.448, 0.450)
NORM_FLOOR = 1e-10  # added to the length of a feature vector
COMPARED = (3, 8, 15, 22, 29)  # relu1_2, relu2_2, relu3_3, relu4_3, relu5_3 of VGG-16
WIDTHS = (64, 128, 256, 512, 512)
LPIPS_SMALLEST = 16  # px that an image needs on both sides: VGG-16 halves four times before relu5_3


class Lpips:
    """The distance of two images, 0 for equal ones.

    Args:
        path: a file (see `read_weights`) with VGG-16 (features.N.weight and .bias, or
            net.sliceK.N.*) and the weights of the comparison (linK.model.1.weight).

    Raises:
        WeightsError: the file cannot be read.
        CheckpointError: it holds other arrays.
    """

    def __init__(self, path: Path):
        self._network = _LpipsNetwork()
        weights = read_weights(
            path,
            renamed=[(r"^net\.slice\d\.", "features."), (r"^(lin\d)\.model\.1\.", r"\1.")],
            ignored=r"classifier\.|lins\.|scaling_layer\.",
        )
        load_weights(self._network, weights, source=str(path))
        self._network.eval()

    @paddle.no_grad()
    def __call__(self, completed: ndarray, image: ndarray) -> float:
        """Distance of two images uint8 [H, W, 3] of at least 16 pixels a side."""
        pair = np.stack([completed, image]).transpose(0, 3, 1, 2).astype(np.float32)
        return float(self._network(paddle.to_tensor(pair / 127.5 - 1)))


class _LpipsNetwork(nn.Layer):
    def __init__(self):
        super().__init__()
        vgg = vgg16(pretrained=False, num_classes=0, with_pool=False)
        self.features = vgg.features[: COMPARED[-1] + 1]
        for number, width in enumerate(WIDTHS):
            self.add_sublayer(f"lin{number}", nn.Conv2D(width, 1, 1, bias_attr=False))

    def forward(self, pair: Tensor) -> Tensor:
        """[2, 3, H, W] in [-1, 1] -> a number."""
        constants = np.array([MEAN, DEVIATION], np.float32).reshape(2, 1, 3, 1, 1)
        mean, deviation = paddle.to_tensor(constants)
        x = (pair - mean) / deviation
        distances = []
        for number, layer in enumerate(self.features):
            x = layer(x)  # [2, C, h, w]
            if number in COMPARED:
                length = x.square().sum(axis=1, keepdim=True).sqrt() + NORM_FLOOR
                first, second = (x / length).split(2)
                weigh = getattr(self, f"lin{len(distances)}")
                distances.append(weigh((first - second).square()).mean())
        return paddle.add_n(distances)
