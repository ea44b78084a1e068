# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""External spatial attention: mix positions by learned maps instead of by similarity.

Letters: B batch, C channels, h w feature map, s side of the grid that the maps are learned on.

Source: Yu et al., Interactive Image Inpainting Using Semantic Guidance (2022), `ESP_Attn` and its
use in the first stage of the authors' code, which supports only feature maps of s x s positions.
"""

import math

import paddle
import paddle.nn.functional as F
from paddle import ParamAttr, Tensor, nn

from ppdeepfill.networks.attention import Attended

HIDDEN = 2  # hidden width of a map, in multiples of s, as in the authors' code


# y = W2 gelu(W1 x) along the last axis
class AxisMap(nn.Layer):
    """A two-layer map between the positions of an axis, without biases: [..., n] -> [..., n].

    Args:
        size: number s of positions in training. For n other than s, both layers are resampled,
            which equals resampling the features to s positions and back.
    """

    def __init__(self, size: int):
        super().__init__()
        self.size = size
        self.first = self._weights(size, HIDDEN * size)
        self.second = self._weights(HIDDEN * size, size)

    def forward(self, x: Tensor) -> Tensor:
        here, grid = _centres(paddle.arange(x.shape[-1])), _centres(paddle.arange(self.size))
        to_grid = _interpolation(here, grid).astype(x.dtype)  # [s, n]
        back = _interpolation(grid, here).astype(x.dtype)  # [n, s]
        first = paddle.matmul(to_grid, self.first, transpose_x=True)  # [n, 2s]
        second = paddle.matmul(self.second, back, transpose_y=True)  # [2s, n]
        return paddle.matmul(F.gelu(paddle.matmul(x, first)), second)

    def _weights(self, rows: int, columns: int) -> Tensor:
        bound = 1.0 / math.sqrt(rows)
        attr = ParamAttr(initializer=nn.initializer.Uniform(-bound, bound))
        return self.create_parameter([rows, columns], attr=attr)


# y = row_map(column_map(norm(x))) in the hole, x elsewhere
class ExternalSpatialAttention(nn.Layer):
    """Fills the hole with a learned mixture of all positions, along columns and then along rows.

    Args:
        channels: C.
        grid: side s of the feature maps in training, for instance a quarter of the images' side.

    It returns no weights and no offsets, because the maps are the same for every image.
    """

    def __init__(self, channels: int, *, grid: int):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.key = AxisMap(grid)  # over height
        self.value = AxisMap(grid)  # over width

    def forward(self, foreground: Tensor, background: Tensor, mask: Tensor) -> Attended:
        """Mix positions of the foreground in the hole and of the background around it.

        Args:
            foreground: [B, C, h, w] features; only the hole is used.
            background: [B, C, h, w] features; only the known region is used, and stays unchanged.
            mask: [B, 1, h, w], 1 = hole.

        Returns:
            Features [B, C, h, w].
        """
        known = background * (1.0 - mask)
        return Attended(self.mix(foreground * mask + known) * mask + known)

    def mix(self, x: Tensor) -> Tensor:
        """[B, C, h, w] -> [B, C, h, w]."""
        x = self.norm(x.transpose([0, 3, 2, 1]))  # [B, w, h, C]
        x = self.key(x.transpose([0, 1, 3, 2]))  # [B, w, C, h]
        return self.value(x.transpose([0, 2, 3, 1]))  # [B, C, h, w]


def _centres(positions: Tensor) -> Tensor:
    """Numbers 0 to n - 1 -> centres [n] of n equal parts of [0, 1]."""
    positions = positions.astype("float32")
    return (positions + 0.5) / (positions[-1:] + 1.0)  # n may be symbolic


def _interpolation(source: Tensor, target: Tensor) -> Tensor:
    """Weights [targets, sources] of linear interpolation; identity between equal axes.

    A target averages over its own width if that is larger than a source's.
    """
    source_step, target_step = source[:1] * 2.0, target[:1] * 2.0
    distance = (target.unsqueeze(1) - source.unsqueeze(0)).abs()
    weights = (1.0 - distance / paddle.maximum(source_step, target_step)).clip(min=0.0)
    return weights / weights.sum(axis=1, keepdim=True)
