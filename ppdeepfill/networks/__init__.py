# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The networks of the zoo.

Every network is a layer (masked_image [B, 3, H, W] in [-1, 1], mask [B, 1, H, W] with 1 = hole)
-> `Prediction`. A network that accepts only image sides that are multiples of some number has an
attribute `size_multiple`. One that can be guided by labels [B, H, W], a third argument, has an
attribute `classes`: labels are below it, or 255 for unknown.

A builder is a function whose keyword arguments are the network's options; to add a network, write
a builder and add one entry to `NETWORKS`.
"""

import inspect
from collections.abc import Callable

from paddle import nn

from ppdeepfill.networks.attention import Attended
from ppdeepfill.networks.attention.choice import AttentionChoice, build_attention
from ppdeepfill.networks.attention.contextual import attention_to_offsets
from ppdeepfill.networks.attention.contextual_layer import ContextualAttention
from ppdeepfill.networks.deepfill_v1 import CoarseNetwork, DeepFillV1, RefinementNetwork
from ppdeepfill.networks.glcic import IMAGENET_MEAN, CompletionNetwork, Order
from ppdeepfill.networks.partial_unet import PartialUNet
from ppdeepfill.networks.prediction import (
    Prediction,
    classes_of,
    complete,
    offsets_of,
    predict_in_hole,
    size_multiple_of,
)
from ppdeepfill.networks.reference import Reference
from ppdeepfill.networks.rfr import Rfr
from ppdeepfill.networks.semantic_guidance import SemanticGuidance
from ppdeepfill.networks.shift_net import ShiftNet

__all__ = [
    "NETWORKS",
    "Attended",
    "ContextualAttention",
    "Prediction",
    "attention_to_offsets",
    "build_network",
    "classes_of",
    "complete",
    "deepfill_v1",
    "deepfill_v1_torch",
    "glcic",
    "offsets_of",
    "partial_unet",
    "predict_in_hole",
    "rfr",
    "semantic_guidance",
    "shift_net",
    "size_multiple_of",
]


def deepfill_v1(
    *,
    base_channels: int = 32,
    attention: AttentionChoice = "contextual",
    attention_grid: int = 64,
) -> DeepFillV1:
    """DeepFill v1 as in the authors' TensorFlow code, for RGB images.

    Args:
        base_channels: width n of the first layers; an even number.
        attention: of the second stage; all but "contextual" are for comparison.
        attention_grid: of external_spatial alone: a quarter of the training images' side.
    """
    _check_even(base_channels)
    layer = build_attention(attention, 4 * base_channels, grid=attention_grid)
    return _deepfill_v1(base_channels, layer, "tensorflow")


def deepfill_v1_torch(*, base_channels: int = 32) -> DeepFillV1:
    """DeepFill v1 as in the PyTorch port, which differs in padding, subsampling and patch norm.

    Args:
        base_channels: width n of the first layers; an even number.
    """
    _check_even(base_channels)
    return _deepfill_v1(base_channels, ContextualAttention(reference="torch"), "torch")


def glcic(
    *,
    base_channels: int = 64,
    mean_color: tuple[float, float, float] = IMAGENET_MEAN,
    order: Order = "norm_relu",
) -> CompletionNetwork:
    """The completion network of GLCIC.

    Args:
        base_channels: width n of the first layer; an even number.
        mean_color: mean RGB colour of the training images in [0, 1]; the hole is filled with it.
        order: which comes first, normalisation or ReLU: "norm_relu" (paper) or "relu_norm"
            (PyTorch port).
    """
    _check_even(base_channels)
    return CompletionNetwork(base_channels, mean_color=mean_color, order=order)


def shift_net(*, base_channels: int = 64, levels: int = 8) -> ShiftNet:
    """Shift-Net, for images whose sides are multiples of 2 ** levels.

    Args:
        base_channels: width n of the first layer.
        levels: how many times the image is halved; at least 4.
    """
    return ShiftNet(base_channels, levels=levels)


def rfr(*, base_channels: int = 64, recurrences: int = 6) -> Rfr:
    """The network with recurrent feature reasoning, for images whose sides are multiples of 16.

    Args:
        base_channels: width n of the recurrent features; an even number.
        recurrences: how often the hole shrinks; at least 1.
    """
    _check_even(base_channels)
    if recurrences < 1:
        raise ValueError(f"recurrences must be at least 1; got {recurrences}")
    return Rfr(base_channels, recurrences=recurrences)


def partial_unet(*, base_channels: int = 64, levels: int = 7) -> PartialUNet:
    """The U-Net of partial convolutions, for images whose sides are multiples of 2 ** levels.

    Args:
        base_channels: width n of the first layer.
        levels: how often the image is halved; at least 1.
    """
    if min(base_channels, levels) < 1:
        raise ValueError("base_channels and levels must be at least 1")
    return PartialUNet(base_channels, levels=levels)


def semantic_guidance(
    *, base_channels: int = 32, classes: int = 21, attention_grid: int = 64
) -> SemanticGuidance:
    """A network that fills holes as a label map says, or as it guesses: our own design.

    Args:
        base_channels: width n of the first layer; an even number.
        classes: of the label maps, 0 to classes - 1; at most 255.
        attention_grid: a quarter of the training images' side.
    """
    _check_even(base_channels)
    if not 1 <= classes <= 255:
        raise ValueError(f"classes must be from 1 to 255; got {classes}")
    return SemanticGuidance(base_channels, classes=classes, grid=attention_grid)


NETWORKS: dict[str, Callable[..., nn.Layer]] = {
    "deepfill_v1": deepfill_v1,
    "deepfill_v1_torch": deepfill_v1_torch,
    "glcic": glcic,
    "shift_net": shift_net,
    "semantic_guidance": semantic_guidance,
    "rfr": rfr,
    "partial_unet": partial_unet,
}


def build_network(name: str, **options) -> nn.Layer:
    """Build a network by name.

    Args:
        name: a key of `NETWORKS`.
        **options: keyword arguments of its builder.

    Raises:
        ValueError: unknown name or option; the message lists the known ones.
    """
    if name not in NETWORKS:
        raise ValueError(f"unknown network {name!r}; known networks: {', '.join(NETWORKS)}")
    known = list(inspect.signature(NETWORKS[name]).parameters)
    unknown = [option for option in options if option not in known]
    if unknown:
        raise ValueError(
            f"network {name} has no option {', '.join(map(repr, unknown))}; "
            f"its options: {', '.join(known)}"
        )
    return NETWORKS[name](**options)


def _deepfill_v1(
    base_channels: int, attention: nn.Layer | None, reference: Reference
) -> DeepFillV1:
    return DeepFillV1(
        CoarseNetwork(base_channels, reference=reference),
        RefinementNetwork(base_channels, attention=attention, reference=reference),
    )


def _check_even(base_channels: int) -> None:
    if base_channels < 2 or base_channels % 2:
        raise ValueError(f"base_channels must be a positive even number; got {base_channels}")
