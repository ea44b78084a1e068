# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""FID: how far two sets of images are apart in the features of Inception v3.

Letters: n images.

Source: Heusel et al., GANs Trained by a Two Time-Scale Update Rule (2017), equation 6, with the
network of its TensorFlow code, as the package pytorch-fid rebuilds it.
"""

from pathlib import Path

import numpy as np
import paddle
import paddle.nn.functional as F
from numpy import ndarray
from paddle import nn
from paddle.vision.models import inception_v3

from ppdeepfill.data.pixels import to_unit_range
from ppdeepfill.weights.published import fill_published

FEATURES = 2048  # of the last pooling
SIZE = 299  # px; images are resized to it, bilinear
EPSILON = 1e-3  # of the batch norms; Paddle's network has 1e-5
# The blocks of the file, in the order of Paddle's list.
BLOCKS = ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")
RENAMED = [
    (r"^Conv2d_(\w+)\.", r"inception_stem.conv_\1."),
    *((rf"^Mixed_{block}\.", f"inception_block_list.{n}.") for n, block in enumerate(BLOCKS)),
    (r"\.branch_pool\.", ".branch_pool_conv."),
    (r"\.conv\.", ".0."),
    (r"\.bn\.", ".1."),
    (r"\.running_mean$", "._mean"),
    (r"\.running_var$", "._variance"),
]


class InceptionFeatures:
    """What FID compares of an image.

    Args:
        path: a file (see `read_weights`) with the network, under the names of torchvision and
            pytorch-fid.

    Raises:
        WeightsError: the file cannot be read.
        CheckpointError: it holds other arrays.
    """

    def __init__(self, path: Path):
        self._network = _fid_inception()
        ignored = r"fc\.|AuxLogits\.|.*\.num_batches_tracked$"
        fill_published(self._network, path, renamed=RENAMED, ignored=ignored)

    @paddle.no_grad()
    def __call__(self, image: ndarray) -> ndarray:
        """Image uint8 [H, W, 3] -> float32 [2048]."""
        x = paddle.to_tensor(to_unit_range(image.transpose(2, 0, 1)[None]))
        x = F.interpolate(x, size=[SIZE, SIZE], mode="bilinear", align_corners=False)
        return self._network(x).numpy().ravel()


def frechet_distance(first: ndarray, second: ndarray) -> float:
    """Distance of the normal distributions of two sets of features [n, d], n at least 2.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). The last trace is that of (R C2 R)^(1/2) with R the
    root of C1, which is symmetric, so that eigenvalues are enough, also for fewer images than
    features.
    """
    shift = first.mean(axis=0, dtype=np.float64) - second.mean(axis=0, dtype=np.float64)
    covariance, other = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (first, second))
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(values.clip(min=0)) @ vectors.T
    mixed = np.sqrt(np.linalg.eigvalsh(root @ other @ root).clip(min=0)).sum()
    return float(shift @ shift + np.trace(covariance) + np.trace(other) - 2 * mixed)


def _fid_inception() -> nn.Layer:
    """Paddle's Inception v3 with the poolings of the TensorFlow network."""
    network = inception_v3(pretrained=False, num_classes=0)
    for block in network.inception_block_list:
        if isinstance(block.branch_pool, nn.AvgPool2D):  # without the zeros of the padding
            block.branch_pool = nn.AvgPool2D(3, stride=1, padding=1, exclusive=True)
    network.inception_block_list[-1].branch_pool = nn.MaxPool2D(3, stride=1, padding=1)
    for layer in network.sublayers():
        if isinstance(layer, nn.BatchNorm2D):
            layer._epsilon = EPSILON
    return network
