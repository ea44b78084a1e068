# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A softmax-weighted sum whose scores arrive in parts.

Source: Milakov and Gimelshein, Online normalizer calculation for softmax (2018), arXiv 1805.02867.

Letters: N positions, M patches of one part, D numbers in a patch.
"""

import paddle
from paddle import Tensor

from ppdeepfill.networks.kernels.product import product

# Lower exponents are raised to this one, as in Paddle's softmax: multiplying denormal numbers is a
# hundred times slower.
LOWEST = -64.0


def product_transposed(x: Tensor, y: Tensor) -> Tensor:
    """x [N, K] times y [M, K] transposed: [N, M]."""
    return product(x.unsqueeze(0), y.unsqueeze(0), transpose_y=True)[0]


class RunningSoftmax:
    """A softmax-weighted sum of patches, for scores that arrive in parts.

    Args:
        positions: N.
        size: D.
        dtype: of the scores and the patches.

    Attributes:
        largest: [N, 1], the largest score so far; all sums are relative to it.
        total: [N, 1], sum of the weights of all patches, masked ones included.
        columns: [N, D], sum of the known patches times their weights; divide it by `total`.
        best: [N] int64, number of the known patch with the largest weight.
        best_weight: [N], that weight.
    """

    def __init__(self, positions: int, size: int, dtype: paddle.dtype):
        self.largest = paddle.full([positions, 1], -float("inf"), dtype)
        self.total = paddle.zeros([positions, 1], dtype)
        self.columns = paddle.zeros([positions, size], dtype)
        self.best_weight = paddle.zeros([positions], dtype)
        self.best = paddle.zeros([positions], "int64")

    def add(self, scores: Tensor, patches: Tensor, numbers: Tensor, known: Tensor | None) -> None:
        """Add a part: scores [N, M] (overwritten), patches [D, M], numbers and known [M]."""
        if known is not None:
            scores.multiply_(known)  # masked patches keep a score of 0, see attention/contextual.py
        largest = paddle.maximum(self.largest, scores.max(axis=1, keepdim=True))
        shrink = (self.largest - largest).exp()
        weights = scores.subtract_(largest).clip_(min=LOWEST).exp_()
        self.largest = largest
        self.total = self.total * shrink + weights.sum(axis=1, keepdim=True)
        if known is not None:
            weights.multiply_(known)
        self.columns.multiply_(shrink).add_(product_transposed(weights, patches))
        self._keep_best(weights, numbers, shrink)

    def _keep_best(self, weights: Tensor, numbers: Tensor, shrink: Tensor) -> None:
        chosen = weights.argmax(axis=1, keepdim=True)
        weight = weights.take_along_axis(chosen, axis=1).squeeze(1)
        best_weight = self.best_weight * shrink.squeeze(1)
        self.best = paddle.where(weight > best_weight, numbers.gather(chosen.squeeze(1)), self.best)
        self.best_weight = paddle.maximum(weight, best_weight)
