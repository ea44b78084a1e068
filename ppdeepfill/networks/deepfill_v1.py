# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The generator of DeepFill v1: a coarse stage, then a refinement stage with contextual attention.

Letters: B batch, H W image, n base channels.

Source: Yu et al., Generative Image Inpainting with Contextual Attention (CVPR 2018), figures 2 and
4; widths and activations from `build_inpaint_net` of the authors' code (branch v1.0.0), which the
PyTorch port shares.
"""

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from ppdeepfill.networks import kernels
from ppdeepfill.networks.activations import Activation, clip_to_image
from ppdeepfill.networks.attention import Attended
from ppdeepfill.networks.attention.contextual import downsample_nearest
from ppdeepfill.networks.layers import ConvBlock, ConvSequence, UpsampledConvBlock
from ppdeepfill.networks.prediction import Prediction, check_input, complete
from ppdeepfill.networks.reference import Reference

# How far a pixel of the result sees beyond its own position in the feature map at 1/4 of the size:
# one position for each 3x3 convolution there, and two for the decoder (3 pixels at full size, 2 at
# half size).
COARSE_REACH, REFINEMENT_REACH = 2 + 2, 4 + 2
# How far such a feature sees, in the same unit: the dilations, and 15 px of the encoder.
FEATURES_REACH = (2 + 4 + 8 + 16) + 4
INPUT_CHANNELS = 5  # image, a plane of ones that marks the border, mask
FULL_TYPES = (paddle.float32, paddle.float64)


class CoarseNetwork(nn.Layer):
    """First stage: [B, 5, H, W] -> coarse image [B, 3, H, W] in [-1, 1]."""

    def __init__(self, base_channels: int = 32, *, reference: Reference = "tensorflow"):
        super().__init__()
        n = base_channels
        self.encoder = Encoder((n, 2 * n, 2 * n, 4 * n, 4 * n, 4 * n), reference=reference)
        self.dilated = dilated_convolutions(4 * n, reference)
        self.bottleneck = two_convolutions(4 * n, 4 * n, reference)
        self.decoder = Decoder(4 * n, reference=reference)

    def forward(self, x: Tensor) -> Tensor:
        """x [B, 5, H, W] -> [B, 3, H, W]."""
        return self.decode(self.features(x))

    def features(self, x: Tensor) -> Tensor:
        """x [B, 5, H, W] -> [B, 4n, H/4, W/4]."""
        return self.dilated(self.encoder(x))

    def decode(self, features: Tensor) -> Tensor:
        """features [B, 4n, H/4, W/4] -> [B, 3, H, W]."""
        return self.decoder(self.bottleneck(features))


class RefinementNetwork(nn.Layer):
    """Second stage: two encoders, one dilated and one with attention, and one decoder.

    Args:
        base_channels: n, width of the first layer.
        attention: layer (foreground, background, mask) -> `Attended` on [B, 4n, H/4, W/4]; None
            leaves the features of its branch unchanged.
        reference: whose border arithmetic and initialisation to use.

    Attributes:
        size_multiple: H and W must be multiples of it.
    """

    def __init__(
        self,
        base_channels: int = 32,
        *,
        attention: nn.Layer | None,
        reference: Reference = "tensorflow",
    ):
        super().__init__()
        n = base_channels
        self.reference = reference
        self.dilated_encoder = Encoder((n, n, 2 * n, 2 * n, 4 * n, 4 * n), reference=reference)
        self.dilated = dilated_convolutions(4 * n, reference)
        self.attention_encoder = Encoder(
            (n, n, 2 * n, 4 * n, 4 * n, 4 * n), last_activation=F.relu, reference=reference
        )
        self.attention = attention
        self.size_multiple = 4 * getattr(attention, "size_multiple", 1)
        self.after_attention = two_convolutions(4 * n, 4 * n, reference)
        self.merge = two_convolutions(8 * n, 4 * n, reference)
        self.decoder = Decoder(4 * n, reference=reference)

    def forward(self, x: Tensor, mask: Tensor) -> Prediction:
        """x [B, 5, H, W], mask [B, 1, H, W] -> a prediction without the coarse image."""
        dilated, attended = self.dilated_features(x), self.attended_features(x, mask)
        refined = self.decode(dilated, attended.features)
        return Prediction(refined, attention=attended.weights, offsets=attended.offsets)

    def dilated_features(self, x: Tensor) -> Tensor:
        """Features of the first branch [B, 4n, H/4, W/4]."""
        return self.dilated(self.dilated_encoder(x))

    def attended_features(self, x: Tensor, mask: Tensor) -> Attended:
        """Features of the second branch [B, 4n, H/4, W/4], after attention."""
        features = self.attention_encoder(x)  # [B, 4n, H/4, W/4]
        if self.attention is None:
            return Attended(features)
        small_mask = downsample_nearest(mask, 4, self.reference)  # [B, 1, H/4, W/4]
        return in_float32(self.attention, features, features, small_mask)

    def decode(self, dilated: Tensor, attended: Tensor) -> Tensor:
        """Features of both encoders [B, 4n, H/4, W/4] -> [B, 3, H, W]."""
        attended = self.after_attention(attended)  # [B, 4n, H/4, W/4]
        merged = self.merge(paddle.concat([dilated, attended], axis=1))
        return self.decoder(merged)


class DeepFillV1(nn.Layer):
    """Coarse and refinement stage: (masked_image, mask) -> `Prediction`.

    Args:
        coarse: a `CoarseNetwork`.
        refinement: a `RefinementNetwork`.

    Attributes:
        size_multiple: H and W must be multiples of it.
    """

    def __init__(self, coarse: CoarseNetwork, refinement: RefinementNetwork):
        super().__init__()
        self.coarse = coarse
        self.refinement = refinement
        self.size_multiple = refinement.size_multiple

    def forward(self, masked_image: Tensor, mask: Tensor) -> Prediction:
        """Predict the whole image.

        Args:
            masked_image: [B, 3, H, W] RGB in [-1, 1], 0 inside the hole.
            mask: [B, 1, H, W], 1 = hole, one per sample.

        Returns:
            The refined and the coarse image [B, 3, H, W] in [-1, 1], and either the attention
            [B, (H/8)(W/8), H/8, W/8] or the offsets [B, 2, H/8, W/8].

        Raises:
            ValueError: the shapes do not match.
        """
        if paddle.in_dynamic_mode():  # while exporting a graph, sizes are symbolic
            check_input(masked_image, mask, self.size_multiple)
        coarse = self.coarse(with_mask(masked_image, mask))
        completed = complete(coarse, masked_image, mask)
        refined, _, *attended = self.refinement(with_mask(completed, mask), mask)
        return Prediction(refined, coarse, *attended)

    def predict_in_hole(self, masked_image: Tensor, mask: Tensor) -> Prediction:
        """Predict as `forward` does, but only inside the hole; the rest is not valid.

        Computes only what the holes depend on. Arguments as in `forward`.
        """
        x, margin = with_mask(masked_image, mask), COARSE_REACH
        features = kernels.encode_near_holes(
            self.coarse.features, x, mask=mask, scale=4, margin=margin + FEATURES_REACH
        )
        coarse = kernels.decode_in_holes(
            self.coarse.decode, features, mask=mask, scale=4, margin=margin
        )
        x, margin = with_mask(complete(coarse, masked_image, mask), mask), REFINEMENT_REACH
        dilated = kernels.encode_near_holes(
            self.refinement.dilated_features, x, mask=mask, scale=4, margin=margin + FEATURES_REACH
        )
        with kernels.attention_around_holes(mask, 4, margin):
            attended = self.refinement.attended_features(x, mask)
        refined = kernels.decode_in_holes(
            self.refinement.decode, dilated, attended.features, mask=mask, scale=4, margin=margin
        )
        return Prediction(refined, coarse, attended.weights, attended.offsets)


class Encoder(ConvSequence):
    """[B, 5, H, W] -> [B, widths[-1], H/4, W/4].

    Args:
        widths: output channels of the six convolutions; the second and the fourth halve the size.
        last_activation: activation of the last convolution; the others use ELU.
        reference: whose padding and initialisation to use.
    """

    def __init__(
        self,
        widths: tuple[int, int, int, int, int, int],
        *,
        last_activation: Activation = F.elu,
        reference: Reference = "tensorflow",
    ):
        n1, n2, n3, n4, n5, n6 = widths
        super().__init__(
            ("first", ConvBlock(INPUT_CHANNELS, n1, 5, reference=reference)),
            ("down1", ConvBlock(n1, n2, stride=2, reference=reference)),
            ("half", ConvBlock(n2, n3, reference=reference)),
            ("down2", ConvBlock(n3, n4, stride=2, reference=reference)),
            ("quarter1", ConvBlock(n4, n5, reference=reference)),
            ("quarter2", ConvBlock(n5, n6, activation=last_activation, reference=reference)),
        )


class Decoder(ConvSequence):
    """Features [B, C, H/4, W/4] -> image [B, 3, H, W] in [-1, 1]; C is a multiple of 8."""

    def __init__(self, channels: int, *, reference: Reference = "tensorflow"):
        half, full = channels // 2, channels // 4
        to_rgb = ConvBlock(full // 2, 3, activation=clip_to_image, reference=reference)
        super().__init__(
            ("half1", UpsampledConvBlock(channels, half, reference=reference)),
            ("half2", ConvBlock(half, half, reference=reference)),
            ("full1", UpsampledConvBlock(half, full, reference=reference)),
            ("full2", ConvBlock(full, full // 2, reference=reference)),
            ("to_rgb", to_rgb),
        )


def dilated_convolutions(channels: int, reference: Reference) -> ConvSequence:
    """Four 3x3 convolutions whose dilation doubles from 2 to 16: [B, C, h, w] -> same shape."""
    return ConvSequence(
        *(
            (f"dilation{d}", ConvBlock(channels, channels, dilation=d, reference=reference))
            for d in (2, 4, 8, 16)
        )
    )


def two_convolutions(in_channels: int, channels: int, reference: Reference) -> ConvSequence:
    """Two 3x3 convolutions: [B, in_channels, h, w] -> [B, channels, h, w]."""
    return ConvSequence(
        ("conv1", ConvBlock(in_channels, channels, reference=reference)),
        ("conv2", ConvBlock(channels, channels, reference=reference)),
    )


def with_mask(image: Tensor, mask: Tensor) -> Tensor:
    """Image, a plane of ones that marks the border, and mask: the input of an `Encoder`."""
    return paddle.concat([image, paddle.ones_like(mask), mask], axis=1)


def in_float32(layer: nn.Layer, *tensors: Tensor):
    """Call a layer in float32 even under mixed precision, because its sums and softmax need it.

    float64 stays float64.
    """
    if not paddle.in_dynamic_mode():  # an exported graph has a single precision
        return layer(*tensors)
    with paddle.amp.auto_cast(enable=False):
        return layer(*(x if x.dtype in FULL_TYPES else x.astype("float32") for x in tensors))
