# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Perceptual and style terms: distances of images as VGG-16 sees them.

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
            see edges and colours but no things; None where neither distance is asked for.
        needed: whether a distance will be asked for.

    Raises:
        ValueError: they are needed, and there are none.
        WeightsError: the file cannot be read.
        CheckpointError: it holds other arrays.
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

    def distances(self, images: Sequence[Tensor], truth: Tensor) -> dict[str, Tensor]:
        """`perceptual` and `style` distance from the truth, each the sum over several images.

        Args:
            images: each [B, 3, H, W], on the scale that the truth has.
            truth: [B, 3, H, W]; gets no gradient.
        """
        with paddle.no_grad():
            expected = self._features(truth)
        seen = self._features(paddle.concat(list(images)))
        terms = {"perceptual": [], "style": []}
        for features, theirs in zip(seen, expected, strict=True):
            for ours in features.chunk(len(images)):
                terms["perceptual"].append((ours - theirs).abs().mean())
                terms["style"].append((gram(ours) - gram(theirs)).abs().mean())
        return {name: sum(parts) for name, parts in terms.items()}

    def _features(self, image: Tensor) -> list[Tensor]:
        return list(self.vgg(image, LAYERS).values())


# G = F F' / (C h w), where F is the feature map as a matrix [C, h w]
def gram(features: Tensor) -> Tensor:
    """How channels occur together, wherever they do: [B, C, h, w] -> [B, C, C]."""
    flat = features.flatten(2)
    size = flat.shape[1] * flat.shape[2]
    return paddle.matmul(flat, flat, transpose_y=True) / size


def to_scale(image: Tensor, scale: Scale) -> Tensor:
    """An image [B, 3, H, W] in [-1, 1] -> in [0, 1], or as VGG-16's weights expect it."""
    return normalised(image) if scale == "imagenet" else (image + 1.0) * 0.5


def _random_vgg16() -> Vgg16:
    network = Vgg16()
    network.eval()
    for parameter in network.parameters():
        parameter.stop_gradient = True
    return network
