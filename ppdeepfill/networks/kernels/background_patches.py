# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Background patches: their lengths, which of them are known, and where they are pasted.

Letters as in attention/contextual.py.
"""

import paddle
import paddle.nn.functional as F
from paddle import Tensor

from ppdeepfill.networks.attention.contextual import NORM_FLOOR, NORM_OFFSET
from ppdeepfill.networks.reference import Reference


def paste_padding(rate: int) -> tuple[int, int]:
    """Zeros to add before and after an axis so that each position has one patch of 2 * rate."""
    return rate // 2, rate - rate // 2


def patch_norm(background: Tensor, patch_size: int, stride: int, reference: Reference) -> Tensor:
    """Length of each background patch, bounded away from 0: [B, 1, L]."""
    squares = _box_sum(background.square().sum(axis=1, keepdim=True), patch_size, stride)
    if reference == "torch":
        return (squares + NORM_OFFSET * background.shape[1] * patch_size**2).sqrt()
    return squares.clip(min=NORM_FLOOR**2).sqrt()


def known_patches(mask: Tensor, patch_size: int, stride: int) -> Tensor:
    """1 for background patches entirely outside the hole, else 0: [B, 1, L]."""
    return (_box_sum(mask, patch_size, stride) == 0).astype(mask.dtype)


def _box_sum(x: Tensor, size: int, stride: int) -> Tensor:
    """Sum over each size x size box of [B, 1, h, w], zeros beyond the border -> [B, 1, L]."""
    ones = paddle.ones([1, 1, size, size], x.dtype)
    return F.conv2d(x, ones, stride=stride, padding=size // 2).flatten(2)
