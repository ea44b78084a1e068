# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The shift operation: copy the most similar known feature to each position of the hole.

Letters: B batch, C channels, h w feature map, P = h w positions.

Source: Yan et al., Shift-Net (ECCV 2018), section 3.2; `Shift-Net_pytorch`, the authors' code,
which needs holes of the same size in a batch and fails on empty and full holes.
"""

from typing import NamedTuple

import paddle
from paddle import Tensor

from ppdeepfill.networks import kernels

SMALLEST_NORM = 1e-12  # of a feature; a zero vector has similarity 0 to everything
BELOW_EVERY_COSINE = -2.0


class Shifted(NamedTuple):
    """The features copied into the holes.

    Attributes:
        features: [B, C, h, w]; 0 outside the hole, and 0 everywhere if nothing is known.
        offsets: [B, 2, h, w] int64 offset (dy, dx) to where each feature was copied from; 0
            elsewhere.
    """

    features: Tensor
    offsets: Tensor


# shifted(p) = encoder(s) with s = argmax over known s of <decoder(p), encoder(s)> / |..| |..|
def shift(decoder: Tensor, encoder: Tensor, hole: Tensor) -> Shifted:
    """For each position of the hole, find the known position most like it and copy its feature.

    Args:
        decoder: [B, C, h, w] features to find a match for. They get no gradient, because an argmax
            has none.
        encoder: [B, C, h, w] features to copy from; each copy passes its gradient back.
        hole: [B, 1, h, w], 1 = hole, one per sample.

    Returns:
        The copies, and where they come from: of equally similar positions, the first one in
        row-major order.
    """
    height, width = paddle.shape(hole)[2], paddle.shape(hole)[3]
    missing = hole.flatten(2)  # [B, 1, P]
    with paddle.no_grad():
        units = _units(decoder), _units(encoder)  # [B, C, P]
        similarity = kernels.product(*units, transpose_x=True)  # [B, P, P]
        similarity = similarity * (1.0 - missing) + BELOW_EVERY_COSINE * missing
        source = similarity.argmax(axis=2)  # [B, P]
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
