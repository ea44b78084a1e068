# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""LPIPS: the distance of two images in the features of a network that recognises objects.

Letters: H W image, C channels, h w feature map.

Source: Zhang et al., The Unreasonable Effectiveness of Deep Features as a Perceptual Metric (2018),
equation 1; constants as in the authors' package, version 0.1.
"""

from pathlib import Path

import numpy as np
import paddle
from numpy import ndarray
from paddle import Tensor, nn

from ppdeepfill.data.pixels import to_unit_range
from ppdeepfill.networks.vgg import Vgg16, normalised
from ppdeepfill.weights.published import fill_published

NORM_FLOOR = 1e-10  # added to the length of a feature vector
COMPARED = {"relu1_2": 64, "relu2_2": 128, "relu3_3": 256, "relu4_3": 512, "relu5_3": 512}  # widths
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
        fill_published(
            self._network,
            path,
            renamed=[
                (r"^(net\.slice\d|features)\.", "vgg.features."),
                (r"^lin(\d)\.model\.1\.", r"lin.\1."),
            ],
            ignored=r"classifier\.|lins\.|scaling_layer\.",
        )

    @paddle.no_grad()
    def __call__(self, completed: ndarray, image: ndarray) -> float:
        """Distance of two images uint8 [H, W, 3] of at least 16 pixels a side."""
        pair = np.stack([completed, image]).transpose(0, 3, 1, 2).astype(np.float32)
        return float(self._network(paddle.to_tensor(to_unit_range(pair))))


class _LpipsNetwork(nn.Layer):
    def __init__(self):
        super().__init__()
        self.vgg = Vgg16()
        self.lin = nn.LayerList(
            nn.Conv2D(width, 1, 1, bias_attr=False) for width in COMPARED.values()
        )

    def forward(self, pair: Tensor) -> Tensor:
        """[2, 3, H, W] in [-1, 1] -> a number."""
        distances = []
        features = self.vgg(normalised(pair), COMPARED).values()  # each [2, C, h, w]
        for x, weigh in zip(features, self.lin, strict=True):
            length = x.square().sum(axis=1, keepdim=True).sqrt() + NORM_FLOOR
            first, second = (x / length).split(2)
            distances.append(weigh((first - second).square()).mean())
        return paddle.add_n(distances)
