# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Weights of the authors' first stage with external spatial attention -> ours."""

from ppdeepfill.networks.attention.external_spatial import ExternalSpatialAttention
from ppdeepfill.networks.semantic_guidance import FirstStage

CONVOLUTIONS = {
    "conv1": "encoder.first",
    "conv2_downsample": "encoder.down1",
    "conv3": "encoder.half",
    "conv4_downsample": "encoder.down2",
    "conv5": "encoder.quarter1",
    "conv6": "encoder.quarter2",
    "conv7_atrous": "dilated.dilation2",
    "conv8_atrous": "dilated.dilation4",
    "conv9_atrous": "dilated.dilation8",
    "conv10_atrous": "dilated.dilation16",
    "conv11": "bottleneck.conv1",
    "conv12": "bottleneck.conv2",
    "conv13": "decoder.half1",
    "conv14": "decoder.half2",
    "conv15": "decoder.full1",
    "conv16": "decoder.full2",
    "conv17": "decoder.to_rgb",
}


def fill_external_spatial(layer: ExternalSpatialAttention, arrays, prefix: str) -> None:
    """Give the attention the weights whose names begin with a prefix."""
    layer.norm.weight.set_value(arrays[f"{prefix}norm.weight"])
    layer.norm.bias.set_value(arrays[f"{prefix}norm.bias"])
    for axis_map, name in ((layer.key, "ex_k"), (layer.value, "ex_v")):
        axis_map.first.set_value(arrays[f"{prefix}{name}.net.0.weight"][:, :, 0].T)
        axis_map.second.set_value(arrays[f"{prefix}{name}.net.2.weight"][:, :, 0].T)


def fill_first_stage(stage: FirstStage, arrays) -> None:
    """Give the first stage all its weights."""
    layers = dict(stage.named_sublayers())
    for theirs, ours in CONVOLUTIONS.items():
        for part in ("weight", "bias"):
            getattr(layers[f"{ours}.conv"], part).set_value(arrays[f"net.w.{theirs}.conv.{part}"])
    stage.projection.weight.set_value(arrays["net.w.convc.weight"])
    fill_external_spatial(stage.attention, arrays, "net.w.espa.")
