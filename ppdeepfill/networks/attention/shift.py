# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The shift operation as an attention: copy the most similar known block to each position.

Letters: B batch, C channels, h w feature map, r rate.

Source: Yan et al., Shift-Net (ECCV 2018), section 3.2, here on blocks of r x r positions.
"""

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from ppdeepfill.networks.attention import Attended
from ppdeepfill.networks.shift import shift


# y(p) = background(s) with s = argmax over known blocks of cos(foreground(p), background(s))
class ShiftAttention(nn.Layer):
    """Copies the most similar known block into each block of the hole; the known region stays.

    Has no parameters. The foreground gets no gradient inside the hole, because an argmax has none.

    Args:
        rate: side r of a block. Blocks that touch the hole are never copied; if all of them do,
            nothing changes.

    Attributes:
        size_multiple: r; the sides of the feature maps must be multiples of it.
    """

    def __init__(self, *, rate: int = 2):
        super().__init__()
        self.size_multiple = rate

    def forward(self, foreground: Tensor, background: Tensor, mask: Tensor) -> Attended:
        """Replace each block of the hole by the most similar known one.

        Args:
            foreground: [B, C, h, w] features to find a match for.
            background: [B, C, h, w] features to copy from.
            mask: [B, 1, h, w], 1 = hole.

        Returns:
            Features [B, C, h, w] and the offsets [B, 2, h / r, w / r], 0 outside the hole.
        """
        rate = self.size_multiple
        blocks = F.max_pool2d(mask, rate, rate)  # [B, 1, h/r, w/r], 1 = touches the hole
        asking, answering = (_blocks(x, blocks, rate) for x in (foreground, background))
        shifted, offsets = shift(asking, answering, blocks)  # [B, C r r, h/r, w/r]
        anything_known = 1.0 - blocks.min(axis=[2, 3], keepdim=True)  # [B, 1, 1, 1]
        taken = mask * anything_known
        features = F.pixel_shuffle(shifted, rate) * taken + foreground * (1.0 - taken)
        return Attended(features, offsets=offsets)


def _blocks(features: Tensor, grid: Tensor, rate: int) -> Tensor:
    """features [B, C, h, w] -> blocks as vectors [B, C r r, h/r, w/r] on a grid [B, 1, h/r, w/r].

    Replaces `F.pixel_unshuffle`, which Paddle cannot export with free sizes.
    """
    height, width = paddle.shape(grid)[2], paddle.shape(grid)[3]
    vectors = F.unfold(features, rate, rate)  # [B, C r r, L]
    return vectors.reshape([0, vectors.shape[1], height, width])
