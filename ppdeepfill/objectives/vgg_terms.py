# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Perceptual and style terms: distances between VGG-16 features of images.

Letters: B batch, H W image, C channels, h w feature map.

Source: Gatys et al., A Neural Algorithm of Artistic Style (2015); Johnson et al., Perceptual Losses
for Real-Time Style Transfer and Super-Resolution (2016); equations 3 to 5 of Liu et al., Image
Inpainting for Irregular Holes Using Partial Convolutions (ECCV 2018).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import paddle
from paddle import Tensor

from ppdeepfill.networks.vgg import Vgg16, normalised
from ppdeepfill.weights.published import load_vgg16

LAYERS = ("pool1", "pool2", "pool3")
RANDOM = "random"

Scale = Literal["imagenet", "unit"]


class VggTerms:
    """Perceptual and style distance; their VGG-16 is neither trained nor saved.

    Args:
        weights: file with the weights of VGG-16, see `load_vgg16`; "random" for random ones, which
            see edges and colours but no objects; None if neither distance is needed.
        needed: whether a distance will be needed.

    Raises:
        ValueError: weights are needed but not given.
        WeightsError: the file cannot be read.
        CheckpointError: the file contains other arrays.
    """

    def __init__(self, weights: str | None, *, needed: bool = True):
        self.vgg: Vgg16 | None = None
        if not needed:
            return
        if weights is None:
            raise ValueError(
                "perceptual_weight and style_weight need the weights of VGG-16. Set vgg_weights to "
                "a file of torchvision or Paddle (docs/metrics.md says where to get one), or set "
                "both weights to 0. vgg_weights: random trains with random filters instead"
            )
        self.vgg = _random_vgg16() if weights == RANDOM else load_vgg16(Path(weights))

    # perceptual = sum of mean |F - F'|, style = sum of mean |G - G'|, over layers and images
    def distances(self, images: Sequence[Tensor], truth: Tensor) -> dict[str, Tensor]:
        """Return the `perceptual` and `style` distance from the truth, summed over the images.

        Args:
            images: each [B, 3, H, W], on the same scale as the truth.
            truth: [B, 3, H, W]; gets no gradient.
        """
        with paddle.no_grad():
            targets = self._features(truth)
        layers = self._features(paddle.concat(list(images)))
        terms = {"perceptual": [], "style": []}
        for features, target in zip(layers, targets, strict=True):
            for of_image in features.chunk(len(images)):
                terms["perceptual"].append((of_image - target).abs().mean())
                terms["style"].append((gram(of_image) - gram(target)).abs().mean())
        return {name: sum(parts) for name, parts in terms.items()}

    def _features(self, image: Tensor) -> list[Tensor]:
        return list(self.vgg(image, LAYERS).values())


# G = F F' / (C h w), where F is the feature map as a matrix [C, h w]
def gram(features: Tensor) -> Tensor:
    """Return how often channels occur together, regardless of where: [B, C, h, w] -> [B, C, C]."""
    flat = features.flatten(2)
    size = flat.shape[1] * flat.shape[2]
    return paddle.matmul(flat, flat, transpose_y=True) / size


def to_scale(image: Tensor, scale: Scale) -> Tensor:
    """Image [B, 3, H, W] in [-1, 1] -> in [0, 1], or normalised as VGG-16's weights expect."""
    return normalised(image) if scale == "imagenet" else (image + 1.0) * 0.5


def _random_vgg16() -> Vgg16:
    network = Vgg16()
    network.eval()
    for parameter in network.parameters():
        parameter.stop_gradient = True
    return network
