# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The shift operation: each position of the hole takes over the most similar known feature, whole.

Letters: B batch, C channels, h w feature map, P = h w positions.

Source: Yan et al., Shift-Net (ECCV 2018), section 3.2; `Shift-Net_pytorch`, the authors' code, in
which all holes of a batch must be equally large, and which fails without a hole and all hole.
"""

from typing import NamedTuple

import paddle
from paddle import Tensor

SMALLEST_NORM = 1e-12  # of a feature; a zero vector has similarity 0 to everything
BELOW_EVERY_COSINE = -2.0


class Shifted(NamedTuple):
    """What the holes took over.

    Attributes:
        features: [B, C, h, w]; 0 outside the hole, and everywhere where nothing is known.
        offsets: [B, 2, h, w] int64, the way (dy, dx) to where each was taken from; 0 elsewhere.
    """

    features: Tensor
    offsets: Tensor


# shifted(p) = encoder(s) with s = argmax over known s of <decoder(p), encoder(s)> / |..| |..|
def shift(decoder: Tensor, encoder: Tensor, hole: Tensor) -> Shifted:
    """For each position of the hole, find the known position most like it and copy its feature.

    Args:
        decoder: [B, C, h, w] features that ask. They get no gradient: the choice is hard.
        encoder: [B, C, h, w] features that answer; those taken over get a gradient each time.
        hole: [B, 1, h, w], 1 = hole, one per sample.

    Of equally similar positions the first is taken, row by row.
    """
    height, width = paddle.shape(hole)[2], paddle.shape(hole)[3]
    missing = hole.flatten(2)  # [B, 1, P]
    with paddle.no_grad():
        similarity = paddle.matmul(_units(decoder), _units(encoder), transpose_x=True)  # [B, P, P]
        known = similarity * (1.0 - missing) + BELOW_EVERY_COSINE * missing
        source = known.argmax(axis=2)  # [B, P]
        anything_known = (missing < 0.5).any(axis=2, keepdim=True).astype(hole.dtype)  # [B, 1, 1]
        taking = missing * anything_known
    values = encoder.flatten(2)  # [B, C, P]
    index = source.unsqueeze(1).expand(paddle.shape(values))
    taken = paddle.take_along_axis(values, index, axis=2) * taking
    return Shifted(
        taken.reshape(paddle.shape(encoder)),
        _offsets(source, taking, height, width),
    )


def _units(features: Tensor) -> Tensor:
    """[B, C, h, w] -> [B, C, P], vectors of length 1."""
    vectors = features.flatten(2)
    lengths = vectors.square().sum(axis=1, keepdim=True).sqrt()
    return vectors / lengths.clip(min=SMALLEST_NORM)


def _offsets(source: Tensor, taking: Tensor, height: Tensor, width: Tensor) -> Tensor:
    """Source [B, P] and where it is used [B, 1, P] -> offsets [B, 2, h, w]."""
    here = paddle.arange(height * width, dtype="int64").unsqueeze(0)  # [1, P]
    rows, columns = source // width - here // width, source % width - here % width
    offsets = paddle.stack([rows, columns], axis=1) * taking.astype("int64")  # [B, 2, P]
    return offsets.reshape([-1, 2, height, width])
