# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The generator of DeepFill v1: a coarse stage, then a refinement stage with contextual attention.

Letters: B batch, H W image (multiples of 8), n base channels.

Source: Yu et al., Generative Image Inpainting with Contextual Attention (CVPR 2018), figures 2 and
4; widths and activations from `build_inpaint_net` of the authors' code (branch v1.0.0), which the
PyTorch port shares.
"""

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from ppdeepfill.networks.bounded_attention import BoundedContextualAttention
from ppdeepfill.networks.compiled_convolution import clip_to_image
from ppdeepfill.networks.contextual_attention import Reference, downsample_nearest
from ppdeepfill.networks.layers import Activation, ConvBlock, ConvSequence, UpsampledConvBlock
from ppdeepfill.networks.prediction import Prediction, complete
from ppdeepfill.networks.windows import Windows, windows_around_holes

# How far a pixel of the result sees beyond itself at 1/4: one position for each 3x3 convolution
# there, and two for the decoder (3 pixels at full size, 2 at half of it).
COARSE_MARGIN, REFINEMENT_MARGIN = 2 + 2, 4 + 2
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

    def forward(self, x: Tensor, windows: Windows | None = None) -> Tensor:
        """x [B, 5, H, W] -> [B, 3, H, W], or of windows (h, w) at 1/4 only [B, 3, 4h, 4w]."""
        x = self.encoder(x)  # [B, 4n, H/4, W/4]
        x = self.dilated(x)
        if windows is not None:
            x = windows.of(x)
        x = self.bottleneck(x)
        return self.decoder(x)


class RefinementNetwork(nn.Layer):
    """Second stage: two encoders, one dilated and one with attention, and one decoder.

    Args:
        base_channels: n, width of the first layer.
        attention: layer (foreground, background, mask) -> (features, attention or None) on
            [B, 4n, H/4, W/4], and offsets as a third where it has them; None builds
            `BoundedContextualAttention`.
        reference: whose border arithmetic and initialisation.
    """

    def __init__(
        self,
        base_channels: int = 32,
        *,
        attention: nn.Layer | None = None,
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
        self.attention = attention or BoundedContextualAttention(reference=reference)
        self.after_attention = two_convolutions(4 * n, 4 * n, reference)
        self.merge = two_convolutions(8 * n, 4 * n, reference)
        self.decoder = Decoder(4 * n, reference=reference)

    def forward(
        self, x: Tensor, mask: Tensor, windows: Windows | None = None
    ) -> tuple[Tensor | None, ...]:
        """x [B, 5, H, W], mask [B, 1, H, W] -> refined, and what the attention says of patches.

        refined [B, 3, H, W], attention [B, L, h, w] and offsets [B, 2, h, w] as in `Prediction`; of
        windows (h, w) at 1/4 refined is [B, 3, 4h, 4w].
        """
        dilated = self.dilated(self.dilated_encoder(x))  # [B, 4n, H/4, W/4]

        features = self.attention_encoder(x)  # [B, 4n, H/4, W/4]
        small_mask = downsample_nearest(mask, 4, self.reference)  # [B, 1, H/4, W/4]
        attended, *chosen = _in_float32(self.attention, features, features, small_mask)
        if windows is not None:
            dilated, attended = windows.of(dilated), windows.of(attended)
        attended = self.after_attention(attended)  # [B, 4n, H/4, W/4]

        merged = self.merge(paddle.concat([dilated, attended], axis=1))
        return self.decoder(merged), *chosen


class DeepFillV1(nn.Layer):
    """Coarse and refinement stage: (masked_image, mask) -> `Prediction`.

    Args:
        coarse: layer [B, 5, H, W] -> [B, 3, H, W].
        refinement: layer ([B, 5, H, W], mask) -> ([B, 3, H, W], attention, offsets), the last one
            where it has them.
    """

    def __init__(self, coarse: nn.Layer, refinement: nn.Layer):
        super().__init__()
        self.coarse = coarse
        self.refinement = refinement

    def forward(self, masked_image: Tensor, mask: Tensor) -> Prediction:
        """Predict the whole image.

        Args:
            masked_image: [B, 3, H, W] RGB in [-1, 1], 0 inside the hole; H and W multiples of 8.
            mask: [B, 1, H, W], 1 = hole, one per sample.

        Returns:
            refined and coarse image [B, 3, H, W] in [-1, 1] and the attention
            [B, (H/8)(W/8), H/8, W/8], or in its place the offsets [B, 2, H/8, W/8].

        Raises:
            ValueError: a shape does not fit.
        """
        if paddle.in_dynamic_mode():  # sizes are symbols while a graph is exported
            _check_input(masked_image, mask)
        ones = paddle.ones_like(mask)
        coarse = self.coarse(paddle.concat([masked_image, ones, mask], axis=1))
        coarse_completed = complete(coarse, masked_image, mask)
        refined, *chosen = self.refinement(
            paddle.concat([coarse_completed, ones, mask], axis=1), mask
        )
        return Prediction(refined, coarse, *chosen)

    def refined_in_hole(
        self,
        masked_image: Tensor,
        mask: Tensor,
        windows: tuple[Windows, Windows] | None = None,
    ) -> Tensor:
        """`refined` of the prediction where the hole is; elsewhere it means nothing.

        Saves what the last layers of both stages would compute outside the hole.

        Args:
            masked_image: as in `forward`.
            mask: as in `forward`.
            windows: what to compute of either stage; None: `windows_of_stages`.

        Returns:
            [B, 3, H, W].
        """
        size = mask.shape[2:]
        coarse_windows, windows = windows or windows_of_stages(mask)
        ones = paddle.ones_like(mask)
        coarse = self.coarse(paddle.concat([masked_image, ones, mask], axis=1), coarse_windows)
        coarse = complete(coarse_windows.put_back(coarse, size, 4), masked_image, mask)
        refined, *_ = self.refinement(paddle.concat([coarse, ones, mask], axis=1), mask, windows)
        return windows.put_back(refined, size, 4)


class Encoder(ConvSequence):
    """[B, 5, H, W] -> [B, widths[-1], H/4, W/4].

    Args:
        widths: output channels of the six convolutions; the second and the fourth halve the size.
        last_activation: activation of the last convolution; the others have ELU.
        reference: whose padding and initialisation.
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


def windows_of_stages(mask: Tensor) -> tuple[Windows, Windows]:
    """What the holes of [B, 1, H, W] need of the last features of both stages, at 1/4."""
    coarse, refinement = (
        windows_around_holes(mask, scale=4, margin=margin)
        for margin in (COARSE_MARGIN, REFINEMENT_MARGIN)
    )
    return coarse, refinement


def dilated_convolutions(channels: int, reference: Reference) -> ConvSequence:
    """Four 3x3 convolutions whose dilation doubles from 2 to 16: [B, C, h, w] -> the same."""
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


def _in_float32(layer: nn.Layer, *tensors: Tensor):
    """What a layer returns where mixed precision surrounds it: its sums and softmax need float32.

    float64 stays as it is.
    """
    if not paddle.in_dynamic_mode():  # an exported graph is in one precision
        return layer(*tensors)
    with paddle.amp.auto_cast(enable=False):
        return layer(*(x if x.dtype in FULL_TYPES else x.astype("float32") for x in tensors))


def _check_input(masked_image: Tensor, mask: Tensor) -> None:
    image_shape, mask_shape = list(masked_image.shape), list(mask.shape)
    if image_shape[1] != 3 or mask_shape[1] != 1 or image_shape[2:] != mask_shape[2:]:
        raise ValueError(
            "the network takes masked_image [B, 3, H, W] and mask [B, 1, H, W] of one size; "
            f"got {image_shape} and {mask_shape}"
        )
    if any(size % 8 for size in image_shape[2:]):
        raise ValueError(f"height and width must be multiples of 8; got {image_shape[2:]}")
