# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The contextual attention of a network on one image, step by step.

Letters: B batch, H W image, C channels, Hf Wf features of the attention branch, h w the same
subsampled, P = h * w positions that ask, L patches that answer.
"""

from typing import NamedTuple

import paddle
from numpy import ndarray
from paddle import Tensor

from ppdeepfill.inference.inpainter import Inpainter
from ppdeepfill.networks import ContextualAttention
from ppdeepfill.networks.attention.contextual import (
    cosine_similarity,
    downsample_nearest,
    known_patches,
    paste,
    propagate,
    softmax_of_known,
)


class AttentionSteps(NamedTuple):
    """The intermediate results of an attention.

    Attributes:
        features: [B, C, Hf, Wf] that ask and answer.
        mask: [B, 1, Hf, Wf], 1 = hole.
        similarity: [B, P, L], products of patches; only those that answer are normalised.
        propagated: [B, P, L], added up along diagonals.
        known: [B, 1, L], 1 for patches that may be pasted.
        weights: [B, P, L], after the softmax.
        pasted: [B, C, Hf, Wf], features rebuilt from the patches.
        grid: (h, w).
    """

    features: Tensor
    mask: Tensor
    similarity: Tensor
    propagated: Tensor
    known: Tensor
    weights: Tensor
    pasted: Tensor
    grid: tuple[int, int]


def attention_steps(inpainter: Inpainter, image: ndarray, mask: ndarray) -> AttentionSteps:
    """Fill an image, and repeat what the network's attention did, step by step.

    Args:
        inpainter: with a network that has contextual attention.
        image: uint8 [H, W, 3] RGB.
        mask: uint8 [H, W], above 127 = hole.

    Raises:
        ValueError: the network has no contextual attention.
    """
    layers = [x for x in inpainter.network.sublayers() if isinstance(x, ContextualAttention)]
    if not layers:
        raise ValueError(f"{type(inpainter.network).__name__} has no contextual attention")
    seen: list[tuple[Tensor, ...]] = []
    hook = layers[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    try:
        inpainter.predict(image[None], mask[None])
    finally:
        hook.remove()
    return _steps(*seen[0], **layers[0].options)


@paddle.no_grad()
def _steps(
    foreground: Tensor,
    background: Tensor,
    mask: Tensor,
    *,
    patch_size: int,
    stride: int,
    rate: int,
    propagation_size: int,
    softmax_scale: float,
    reference: str,
) -> AttentionSteps:
    """Compute `contextual_attention`, and keep every intermediate result."""
    asking = downsample_nearest(foreground, rate, reference)  # [B, C, h, w]
    answering = downsample_nearest(background, rate, reference)
    grid = asking.shape[2:]
    background_grid = [size // stride for size in answering.shape[2:]]
    similarity = cosine_similarity(asking, answering, patch_size, stride, reference)
    propagated = propagate(similarity, grid, background_grid, propagation_size)
    known = known_patches(downsample_nearest(mask, rate, reference), patch_size, stride)
    weights = softmax_of_known(softmax_scale * propagated, known)
    pasted = paste(weights, background, grid, rate, stride)
    return AttentionSteps(
        foreground, mask, similarity, propagated, known, weights, pasted, tuple(grid)
    )
