# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Sample features between positions, for attentions that predict where to look.

Letters: B batch, C channels, h w feature map. Places are (y, x) from -1, the centre of the first
position, to 1, the centre of the last.
"""

from collections.abc import Mapping

import paddle
import paddle.nn.functional as F
from paddle import Tensor

from ppdeepfill.networks.attention import Attended
from ppdeepfill.networks.layers import ConvBlock, ConvSequence


# y = f_n(... f_1(x)), where f_1 halves the size
def localisation(
    channels: int, out: int, *, halving: str, dilated: Mapping[str, int]
) -> ConvSequence:
    """Convolutions that see enough of the features to predict where to look, at half their size.

    Args:
        channels: of the input [B, channels, h, w], with even h and w.
        out: of the result [B, out, h/2, w/2], and in between.
        halving: name of the first convolution.
        dilated: dilations of the others, by their names.
    """
    return ConvSequence(
        (halving, ConvBlock(channels, out, stride=2)),
        *((name, ConvBlock(out, out, dilation=dilation)) for name, dilation in dilated.items()),
    )


def own_places(features: Tensor) -> Tensor:
    """Return the place of each position of features [B, C, h, w]: [1, 2, h, w]."""
    rows, columns = (_axis(paddle.arange(size)) for size in features.shape[2:])
    y = rows.unsqueeze(1) + paddle.zeros_like(columns).unsqueeze(0)
    x = columns.unsqueeze(0) + paddle.zeros_like(rows).unsqueeze(1)
    return paddle.stack([y, x]).unsqueeze(0).astype(features.dtype)


# y(p) = background at places(p), bilinear, in the hole, and foreground(p) elsewhere
def look_at(places: Tensor, foreground: Tensor, background: Tensor, mask: Tensor) -> Attended:
    """Fill the hole with background features from other places.

    Args:
        places: [B, 2, h, w] where each position looks; places beyond the edge see the edge.
        foreground: [B, C, h, w], unchanged outside the hole.
        background: [B, C, h, w]; each place mixes four of its positions.
        mask: [B, 1, h, w], 1 = hole.

    Returns:
        Features [B, C, h, w], and the offsets [B, 2, h, w] to the nearest position, 0 outside the
        hole.
    """
    xy = paddle.stack([places[:, 1], places[:, 0]], axis=3)  # [B, h, w, 2]
    seen = F.grid_sample(background, xy, padding_mode="border", align_corners=True)
    features = seen * mask + foreground * (1.0 - mask)
    return Attended(features, offsets=_offsets(places, mask))


# the number of a position among n is (place + 1) (n - 1) / 2
def _offsets(places: Tensor, mask: Tensor) -> Tensor:
    """Places [B, 2, h, w] -> int64 (dy, dx) to the nearest position where the mask is 1."""
    last = [paddle.arange(size)[-1:].astype(places.dtype) for size in mask.shape[2:]]
    last = paddle.concat(last).reshape([1, 2, 1, 1])
    there, here = (
        paddle.floor((p.clip(-1.0, 1.0) + 1.0) / 2.0 * last + 0.5)
        for p in (places, own_places(mask))
    )
    return ((there - here) * mask).astype("int64")


def _axis(positions: Tensor) -> Tensor:
    """Numbers 0 to n - 1 -> [n] from -1 to 1; 0 if there is only one position."""
    positions = positions.astype("float32")
    last = positions[-1:]  # n may be symbolic
    return (2.0 * positions - last) / last.clip(min=1.0)
