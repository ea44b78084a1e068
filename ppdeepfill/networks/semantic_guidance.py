# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Inpainting guided by a label map: a stage with external spatial attention, and a class decoder.

Letters: B batch, C channels, H W image, n base channels, K classes, E channels of the guide.

Source: the first stage is that of Yu et al., Interactive Image Inpainting Using Semantic Guidance
(2022), as in the authors' `networks.py`. They published neither code nor details of the second
stage; the decoder here is our own design after the paper's abstract: it takes the first stage's
features and a label map.
"""

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from ppdeepfill.networks.activations import clip_to_image
from ppdeepfill.networks.attention.contextual import downsample_nearest
from ppdeepfill.networks.attention.external_spatial import ExternalSpatialAttention
from ppdeepfill.networks.deepfill_v1 import (
    Decoder,
    Encoder,
    dilated_convolutions,
    in_float32,
    two_convolutions,
    with_mask,
)
from ppdeepfill.networks.layers import ConvBlock, ConvSequence, UpsampledConvBlock
from ppdeepfill.networks.partial_convolution import doubled
from ppdeepfill.networks.prediction import Prediction, check_input, complete

GUIDE_CHANNELS = 32  # E
UNKNOWN = 255  # a label that leaves the class to the network, as in PaddleSeg's datasets


class FirstStage(nn.Layer):
    """DeepFill v1's coarse network, with external spatial attention parallel to the dilations.

    Args:
        base_channels: n.
        grid: side of the feature maps in training, a quarter of the images'.
    """

    def __init__(self, base_channels: int = 32, *, grid: int = 64):
        super().__init__()
        n = base_channels
        self.encoder = Encoder((n, 2 * n, 2 * n, 4 * n, 4 * n, 4 * n), reference="torch")
        self.projection = nn.Conv2D(3, 4 * n, 1, bias_attr=False)
        self.attention = ExternalSpatialAttention(4 * n, grid=grid)
        self.dilated = dilated_convolutions(4 * n, "torch")
        self.bottleneck = two_convolutions(4 * n, 4 * n, "torch")
        self.decoder = Decoder(4 * n, reference="torch")

    def forward(self, masked_image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Predict a first image.

        Args:
            masked_image: [B, 3, H, W], 0 inside the hole.
            mask: [B, 1, H, W], 1 = hole.

        Returns:
            The image [B, 3, H, W] in [-1, 1], and the features [B, 4n, H/4, W/4] behind it.
        """
        encoded = self.encoder(with_mask(masked_image, mask))  # [B, 4n, H/4, W/4]
        projected = self.projection(_quarter(masked_image))  # [B, 4n, H/4, W/4]
        small_mask = downsample_nearest(mask, 4, "torch")
        attended, _, _ = in_float32(self.attention, encoded, projected, small_mask)
        features = self.bottleneck(self.dilated(encoded) + attended)
        return self.decoder(features), features


class GuidedBlock(nn.Layer):
    """A convolution, then scale and shift by the guide at each position, then ELU.

    Args:
        convolution: [B, C, ...] -> [B, channels, h, w], without activation.
        channels: output channels of the convolution.

    Source: spatially-adaptive modulation as in Park et al., SPADE (CVPR 2019), without its
    normalisation.
    """

    def __init__(self, convolution: nn.Layer, channels: int):
        super().__init__()
        self.convolution = convolution
        self.modulation = nn.Conv2D(GUIDE_CHANNELS, 2 * channels, 3, padding=1)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        """x [B, C, ...], guide [B, E, h, w] -> [B, channels, h, w]."""
        scale, shift = self.modulation(guide).chunk(2, axis=1)
        return F.elu(self.convolution(x) * (1.0 + scale) + shift)


class SemanticDecoder(nn.Layer):
    """Second stage: features and the class of each pixel -> [B, 3, H, W] in [-1, 1].

    Args:
        base_channels: n.
        classes: K.
    """

    def __init__(self, base_channels: int, classes: int):
        super().__init__()
        n = base_channels
        self.classes = classes
        self.head = ConvBlock(4 * n, 4 * n, reference="torch")
        self.to_classes = nn.Conv2D(4 * n, classes, 1)
        self.embedding = nn.Conv2D(classes, GUIDE_CHANNELS, 1, bias_attr=False)
        plain = {"activation": None, "reference": "torch"}
        self.at_quarter = GuidedBlock(ConvBlock(4 * n, 4 * n, **plain), 4 * n)
        self.at_half = GuidedBlock(UpsampledConvBlock(4 * n, 2 * n, **plain), 2 * n)
        self.at_full = GuidedBlock(UpsampledConvBlock(2 * n, n, **plain), n)
        self.to_rgb = ConvSequence(  # its input is the features, coarse_completed and the mask
            ("conv", ConvBlock(n + 4, n, reference="torch")),
            ("rgb", ConvBlock(n, 3, activation=clip_to_image, reference="torch")),
        )

    def forward(
        self, features: Tensor, coarse_completed: Tensor, mask: Tensor, labels: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Decode the features, guided by classes.

        Args:
            features: [B, 4n, H/4, W/4] of the first stage.
            coarse_completed: [B, 3, H, W].
            mask: [B, 1, H, W], 1 = hole.
            labels: [B, H, W] int64; for `UNKNOWN` and None, the classes predicted here are used.

        Returns:
            The image, and the logits of the classes predicted from the features
            [B, K, H/4, W/4].
        """
        logits = self.to_classes(self.head(features))
        guide = self.embedding(F.softmax(logits, axis=1))  # [B, E, H/4, W/4]
        quarter, half, full = self._guides(guide, labels)
        x = self.at_half(self.at_quarter(features, quarter), half)  # [B, 2n, H/2, W/2]
        x = self.at_full(x, full)  # [B, n, H, W]
        return self.to_rgb(paddle.concat([x, coarse_completed, mask], axis=1)), logits

    def _guides(self, predicted: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """The guide [B, E, h, w] at 1/4, 1/2 and full size."""
        full = doubled(doubled(predicted))
        if labels is None:
            return predicted, doubled(predicted), full
        given = (labels != UNKNOWN).astype(full.dtype).unsqueeze(1)  # [B, 1, H, W]
        # The embedding of a class is a column of the convolution's weight.
        table = self.embedding.weight.flatten(1).transpose([1, 0])  # [K, E]
        embedded = F.embedding(labels.clip(max=self.classes - 1), table)  # [B, H, W, E]
        full = embedded.transpose([0, 3, 1, 2]) * given + full * (1.0 - given)
        return F.avg_pool2d(full, 4, 4), F.avg_pool2d(full, 2, 2), full


class SemanticGuidance(nn.Layer):
    """Two stages: fill the image, then redraw it to match a label map.

    Args:
        base_channels: n, an even number.
        classes: K; labels are 0 to K - 1, and `UNKNOWN`.
        grid: side of the first stage's feature maps in training.

    Attributes:
        size_multiple: image sides must be multiples of it.
        classes: K.
    """

    size_multiple = 4

    def __init__(self, base_channels: int = 32, *, classes: int = 21, grid: int = 64):
        super().__init__()
        self.classes = classes
        self.first_stage = FirstStage(base_channels, grid=grid)
        self.decoder = SemanticDecoder(base_channels, classes)

    def forward(
        self, masked_image: Tensor, mask: Tensor, labels: Tensor | None = None
    ) -> Prediction:
        """Predict the whole image.

        Args:
            masked_image: [B, 3, H, W] RGB in [-1, 1], 0 inside the hole.
            mask: [B, 1, H, W], 1 = hole, one per sample.
            labels: [B, H, W] int64, the class of each pixel. For `UNKNOWN` pixels, or without
                labels, the network uses the classes that it predicts itself.

        Returns:
            The refined and the coarse image [B, 3, H, W] in [-1, 1].

        Raises:
            ValueError: the shapes do not match, or a label is out of range.
        """
        return self.with_classes(masked_image, mask, labels)[0]

    def with_classes(
        self, masked_image: Tensor, mask: Tensor, labels: Tensor | None = None
    ) -> tuple[Prediction, Tensor]:
        """Return the prediction, and the logits of the predicted classes [B, K, H/4, W/4]."""
        if paddle.in_dynamic_mode():  # while exporting a graph, sizes are symbolic
            check_input(masked_image, mask, self.size_multiple)
            check_labels(labels, mask, self.classes)
        coarse, features = self.first_stage(masked_image, mask)
        completed = complete(coarse, masked_image, mask)
        refined, logits = self.decoder(features, completed, mask, labels)
        return Prediction(refined, coarse), logits


def check_labels(labels: Tensor | None, mask: Tensor, classes: int) -> None:
    """Raise ValueError unless labels are the classes of the pixels of a mask, or None."""
    if labels is None:
        return
    expected = [mask.shape[0], *mask.shape[2:]]
    if list(labels.shape) != expected:
        raise ValueError(f"labels must be [B, H, W], here {expected}; got {labels.shape}")
    wrong = (labels < 0) | ((labels >= classes) & (labels != UNKNOWN))
    if wrong.any():
        raise ValueError(
            f"a label is {int(labels[wrong][0])}, but the network has {classes} classes: labels "
            f"must be 0 to {classes - 1}, or {UNKNOWN} for an unknown class"
        )


def _quarter(image: Tensor) -> Tensor:
    """Mean of the four middle pixels of each 4 x 4: bilinear sampling at 1/4 of the size."""
    return F.avg_pool2d(image[:, :, 1:, 1:], 2, 4)
