# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Contextual attention in an exported graph: a loop over rows of the foreground bounds its memory.

`attention_in_strips` does the same outside graphs. Here sizes are symbols, so each turn of the loop
has the same form: rows beyond the grid are computed too, and replaced or cut off.

Letters as in attention/contextual.py, and R rows of one turn.
"""

import math

import paddle
from paddle import Tensor

from ppdeepfill.networks.kernels.fast_attention import (
    Geometry,
    Operands,
    add_neighbours_in_columns,
    add_neighbours_in_rows,
    cosine_similarity,
    laid_out,
    mixed_cells,
    prepared,
    softmax_of_known,
)
from ppdeepfill.networks.kernels.score_maps import crop, part, with_zeros

TENSORS = 8  # roughly so many of the size of a turn's scores are in memory at once
ABOVE, BELOW = 3, 2  # rows that a turn compares beyond its own


def attention_in_loop(
    foreground: Tensor, background: Tensor, mask: Tensor | None, *, memory: int, **options
) -> Tensor:
    """Rebuild the foreground as `contextual_attention` does, in a bounded part of its memory.

    Args:
        foreground: [B, C, Hf, Wf] features to rebuild.
        background: [B, C, Hb, Wb] features to take patches from.
        mask: [B, 1, Hb, Wb] or [1, 1, Hb, Wb], 1 = hole; None allows the whole background.
        memory: bytes that a turn takes, roughly; more if a single row needs more.
        **options: every option of `contextual_attention`; propagation_size must be 3.

    Returns:
        The rebuilt features [B, C, Hf, Wf].
    """
    operands, geometry = prepared(foreground, background, mask, **options)
    height, width = geometry.foreground
    zeros = paddle.zeros_like(operands.asking[:, :, :1])
    asking = paddle.concat([zeros] * ABOVE + [operands.asking] + [zeros] * (BELOW + 1), axis=2)
    operands = operands._replace(asking=asking)
    rows = _rows(operands, geometry, memory)
    # Above a column comes the end of the column before it, below it the top of the next one.
    top, bottom = (_compared(operands, geometry, row, 1) for row in (0, height - 1))
    above = part(with_zeros(bottom, 1, 1, 0), 1, 0, width)
    below = part(with_zeros(top, 1, 0, 1), 1, 1, width)

    features = paddle.zeros_like(operands.cells[:, :, :1]).transpose([2, 0, 1]).unsqueeze(3)
    features = features.tile([height + 1, 1, 1, width + 1])  # [hf + 1, B, C * rate**2, wf + 1]
    first = paddle.zeros([], "int64")
    while first <= height:
        start = paddle.minimum(first, height + 1 - rows)
        cells = _turn(operands, geometry, start, rows, above, below)
        features = paddle.scatter(features, start + paddle.arange(rows), cells)
        first = first + rows
    return laid_out(features.transpose([1, 2, 0, 3]), geometry)


def _rows(operands: Operands, geometry: Geometry, memory: int) -> Tensor:
    """R as a scalar, so that the scores of these rows and of those beyond fit into memory."""
    height, width = geometry.foreground
    numbers = paddle.ones([], "int64") * operands.asking.shape[0] * width
    row_bytes = 4 * TENSORS * numbers * math.prod(geometry.patches)
    rows = memory // row_bytes - ABOVE - BELOW
    return paddle.minimum(rows.clip(min=1), paddle.zeros_like(rows) + height + 1)


def _turn(
    operands: Operands,
    geometry: Geometry,
    start: Tensor,
    rows: Tensor,
    above: Tensor,
    below: Tensor,
) -> Tensor:
    """R rows of features in cells: [R, B, C * rate**2, wf + 1]."""
    height, width = geometry.foreground
    scores = _compared(operands, geometry, start - 2, rows + 3)
    scores = paddle.concat([above, scores, below], axis=1)
    scores = scores.reshape([-1, rows + 5, width * math.prod(geometry.patches)])
    place = paddle.arange(rows + 3)
    number = start - 2 + place
    chosen = paddle.where(number == -1, paddle.zeros_like(place), place + 1)
    chosen = paddle.where(number == height, paddle.zeros_like(place) + rows + 4, chosen)
    scores = scores.index_select(chosen, axis=1)
    scores = scores.reshape([-1, (rows + 3) * width, math.prod(geometry.patches)])
    scores = add_neighbours_in_columns(scores, rows + 1, geometry)
    weights = softmax_of_known(scores, operands.known)
    weights = weights * _inside(geometry, start - 1, rows + 1, weights)
    cells = mixed_cells(weights, operands.cells, rows + 1, geometry)
    return crop(cells, [1, 0], [rows, width + 1]).transpose([2, 0, 1, 3])


def _compared(operands: Operands, geometry: Geometry, start: Tensor, rows: Tensor) -> Tensor:
    """Scores of rows from `start`, with their neighbours along rows: [B, rows * wf, L]."""
    width = geometry.foreground[1]
    seen = paddle.arange(rows + 2 + geometry.patch_size) + start - 1 + ABOVE
    scores = cosine_similarity(
        operands._replace(asking=operands.asking.index_select(seen, axis=2)),
        geometry._replace(foreground=(rows + 2, width)),
    )
    scores = scores * _inside(geometry, start - 1, rows + 2, scores)
    scores = part(scores, 1, width - 1, rows * width + 2)
    return add_neighbours_in_rows(scores, rows * width, geometry)


def _inside(geometry: Geometry, start: Tensor, rows: Tensor, like_BPL: Tensor) -> Tensor:
    """1 in rows of the grid, 0 beyond: [1, rows * wf, L]."""
    height, width = geometry.foreground
    numbers = paddle.arange(rows) + start
    inside = ((numbers >= 0) & (numbers < height)).astype(like_BPL.dtype)
    inside = inside.reshape([1, -1, 1]).tile([1, 1, width]).reshape([1, -1, 1])
    return paddle.matmul(inside, paddle.ones_like(like_BPL[:1, :1]))
