# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Attentions by name, for configurations: those of the paper's figure 8, and others.

Source: Yu et al., Generative Image Inpainting with Contextual Attention (CVPR 2018), section 5.3.
"""

from typing import Literal, get_args

from paddle import nn

from ppdeepfill.networks.attention.appearance_flow import AppearanceFlow
from ppdeepfill.networks.attention.contextual_layer import ContextualAttention
from ppdeepfill.networks.attention.external_spatial import ExternalSpatialAttention
from ppdeepfill.networks.attention.shift import ShiftAttention
from ppdeepfill.networks.attention.spatial_transformer import SpatialTransformer

AttentionChoice = Literal[
    "contextual", "none", "shift", "external_spatial", "appearance_flow", "spatial_transformer"
]
ATTENTIONS: tuple[str, ...] = get_args(AttentionChoice)


def build_attention(choice: AttentionChoice, channels: int, *, grid: int) -> nn.Layer | None:
    """Build an attention by name; None for "none".

    Args:
        choice: name of the attention.
        channels: number of channels of the features.
        grid: side of the feature maps in training; only "external_spatial" depends on it.
    """
    if choice == "contextual":
        return ContextualAttention()
    if choice == "shift":
        return ShiftAttention()
    if choice == "external_spatial":
        return ExternalSpatialAttention(channels, grid=grid)
    if choice == "appearance_flow":
        return AppearanceFlow(channels)
    if choice == "spatial_transformer":
        return SpatialTransformer(channels)
    if choice == "none":
        return None
    raise ValueError(f"unknown attention {choice!r}; known attentions: {', '.join(ATTENTIONS)}")
