# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Contextual attention in an exported graph: some rows of the foreground at a time.

Only the rows from which features near a hole are pasted are computed, and at once only so many as
a memory limit allows. `attention_in_strips` does the latter outside graphs. Here sizes are symbols,
so each turn has the same form: rows beyond the grid are computed too, and replaced or set to zero.

Letters as in attention/contextual.py, and R rows of one turn.
"""

import math
from typing import NamedTuple

import paddle
from paddle import Tensor

from ppdeepfill.networks.kernels.background_patches import paste_padding
from ppdeepfill.networks.kernels.fast_attention import (
    Geometry,
    Operands,
    add_neighbours_in_columns,
    add_neighbours_in_rows,
    inner_products,
    laid_out,
    mixed_cells,
    prepared,
    softmax_of_known,
)
from ppdeepfill.networks.kernels.score_maps import crop, part, with_zeros
from ppdeepfill.networks.kernels.window_in_graph import Size, Span, between, quotient

TENSORS = 8  # roughly so many of the size of a turn's scores are in memory at once
ABOVE, BELOW = 3, 2  # rows that a turn compares beyond its own


class Setting(NamedTuple):
    """What all turns have in common.

    Attributes:
        operands: with more rows of zeros around `asking`, for what a turn compares beyond the grid.
        geometry: of the whole maps.
        above, below: scores [B, wf, L] of the rows that continue the columns beyond the grid:
            above a column comes the end of the column before it, below it the top of the next one.
    """

    operands: Operands
    geometry: Geometry
    above: Tensor
    below: Tensor


def attention_in_graph(
    foreground: Tensor,
    background: Tensor,
    mask: Tensor | None,
    *,
    needed: Span | None,
    memory: int | None,
    loops: bool,
    **options,
) -> Tensor:
    """Rebuild the foreground as `contextual_attention` does, in a bounded part of its memory.

    Args:
        foreground: [B, C, Hf, Wf] features to rebuild.
        background: [B, C, Hb, Wb] features to take patches from.
        mask: [B, 1, Hb, Wb] or [1, 1, Hb, Wb], 1 = hole; None allows the whole background.
        needed: the rows of the result that must be valid; None: all.
        memory: bytes that a turn takes, roughly; more if a single row needs more. None allows any.
        loops: whether the graph may have a loop. Without one, it has as many turns as the whole
            image needs, which takes fixed sizes; for free ones, it has a single turn.
        **options: every option of `contextual_attention`; propagation_size must be 3.

    Returns:
        The rebuilt features [B, C, Hf, Wf].
    """
    operands, geometry = prepared(foreground, background, mask, **options)
    setting = _setting(operands, geometry)
    rows = _rows_of_cells(needed, setting)
    most = None if memory is None else _most_rows(setting, memory)
    fixed = isinstance(most, int)
    if most is None or (fixed and geometry.foreground[0] < most) or not (fixed or loops):
        return _laid_out(_turn(setting, rows), rows, geometry)
    if not loops:
        return _laid_out(_turns_one_by_one(setting, rows, most), rows, geometry)
    # Paddle Inference does not use oneDNN in branches, so a single turn is computed ahead of the
    # branch; where it would not fit, that computation gets only a corner.
    fits = rows.length <= most
    corner, corner_rows = _corner_unless(fits, setting, rows)
    features = _laid_out(_turn(corner, corner_rows), corner_rows, geometry)
    if not fits:
        features = laid_out(_turns_in_loop(setting, rows, most), geometry)
    return features


def _setting(operands: Operands, geometry: Geometry) -> Setting:
    height, width = geometry.foreground
    zeros = paddle.zeros_like(operands.asking[:, :, :1])
    asking = paddle.concat([zeros] * ABOVE + [operands.asking] + [zeros] * (BELOW + 1), axis=2)
    operands = operands._replace(asking=asking)
    top, bottom = (_compared(operands, geometry, row, 1) for row in (0, height - 1))
    above = part(with_zeros(bottom, 1, 1, 0), 1, 0, width)
    below = part(with_zeros(top, 1, 0, 1), 1, 1, width)
    return Setting(operands, geometry, above, below)


def _rows_of_cells(needed: Span | None, setting: Setting) -> Span:
    """The rows of cells, of hf + 1, that hold these rows of the result."""
    height, rate = setting.geometry.foreground[0], setting.geometry.rate
    zero = paddle.zeros([], "int64")
    if needed is None:
        return Span(zero, zero + height + 1)
    before, _ = paste_padding(rate)
    start = quotient(needed.start + before, rate)
    return Span(start, quotient(needed.stop - 1 + before, rate) + 1 - start)


def _most_rows(setting: Setting, memory: int) -> Size:
    """R, so that the scores of these rows and of those beyond fit into memory."""
    width, patches = setting.geometry.foreground[1], setting.geometry.patches
    row_bytes = 4 * TENSORS * setting.operands.asking.shape[0] * width * math.prod(patches)
    rows = memory // row_bytes - ABOVE - BELOW
    if isinstance(rows, int):
        return max(rows, 1)
    return paddle.maximum(rows, paddle.ones_like(rows))


def _turns_one_by_one(setting: Setting, rows: Span, most: int) -> Tensor:
    """These rows of cells, and perhaps some more after them: [R', B, C * rate**2, wf + 1].

    The graph has as many turns as all rows of the image need. Those beyond the rows that are needed
    compute only a corner, because Paddle Inference would not use oneDNN in branches.
    """
    height, width = setting.geometry.foreground
    cells, start = [], rows.start
    for _ in range(math.ceil((height + 1) / most)):
        active = start < rows.stop
        length = between(1, rows.stop - start, most)
        corner, corner_rows = _corner_unless(active, setting, Span(start, length))
        turn_cells = _turn(corner, corner_rows)
        columns = between(0, paddle.arange(width + 1), _either(active, width, 1))
        cells.append(turn_cells.index_select(columns, axis=3))
        # So the next turn depends on this one: ONNX Runtime would begin all at once, and keep what
        # it cut out for each of them.
        start = start + turn_cells.shape[0]
    return paddle.concat(cells, axis=0)


def _turns_in_loop(setting: Setting, rows: Span, most: Size) -> Tensor:
    """Cells [B, C * rate**2, hf + 1, wf + 1], zeros but for these rows."""
    height, width = setting.geometry.foreground
    most = between(1, paddle.zeros_like(rows.start) + most, height + 1)
    cells = paddle.zeros_like(setting.operands.cells[:, :, :1]).transpose([2, 0, 1]).unsqueeze(3)
    cells = cells.tile([height + 1, 1, 1, width + 1])  # [hf + 1, B, C * rate**2, wf + 1]
    first, stop = rows.start, rows.stop
    while first < stop:
        start = paddle.minimum(first, height + 1 - most)
        turn_cells = _turn(setting, Span(start, most))
        cells = paddle.scatter(cells, start + paddle.arange(most), turn_cells)
        first = first + most
    return cells.transpose([1, 2, 0, 3])


def _corner_unless(whole: Tensor, setting: Setting, rows: Span) -> tuple[Setting, Span]:
    """The same if `whole` is true, else the first row of a grid of one position and one patch."""
    operands, geometry, above, below = setting
    (hf, wf), (hb, wb), one = geometry.foreground, geometry.background, geometry.stride
    asking = operands.asking.shape[2] - hf + 1, operands.asking.shape[3] - wf + 1
    answering = operands.answering.shape[2] - hb + one, operands.answering.shape[3] - wb + one
    known = operands.known
    operands = Operands(
        _cut_unless(whole, operands.asking, [2, 3], asking),
        _cut_unless(whole, operands.answering, [2, 3], answering),
        _cut_unless(whole, operands.norm, [2], [1]),
        _cut_unless(whole, operands.cells, [2], [(one + 1) ** 2]),
        None if known is None else _cut_unless(whole, known, [2], [1]),
    )
    geometry = geometry._replace(
        foreground=(_either(whole, hf, 1), _either(whole, wf, 1)),
        background=(_either(whole, hb, one), _either(whole, wb, one)),
    )
    above, below = (_cut_unless(whole, x, [1, 2], [1, 1]) for x in (above, below))
    start, length = _either(whole, rows.start, 0), _either(whole, rows.length, 1)
    return Setting(operands, geometry, above, below), Span(start, length)


def _cut_unless(whole: Tensor, x: Tensor, axes: list[int], sizes: list[Size]) -> Tensor:
    ends = [_either(whole, x.shape[axes[i]], sizes[i]) for i in range(len(axes))]
    return paddle.slice(x, axes, [0] * len(axes), ends)


def _either(first: Tensor, one: Size, other: Size) -> Tensor:
    """one if `first` is true, else the other, as a scalar."""
    number = first.astype("int64")
    return number * one + (number * -1 + 1) * other


def _turn(setting: Setting, rows: Span) -> Tensor:
    """R rows of features in cells: [R, B, C * rate**2, wf + 1]."""
    operands, geometry, above, below = setting
    (height, width), patches = geometry.foreground, math.prod(geometry.patches)
    start, length = rows
    scores = _compared(operands, geometry, start - 2, length + 3)
    scores = paddle.concat([above, scores, below], axis=1)
    scores = scores.reshape([-1, length + 5, width * patches])
    place = paddle.arange(length + 3)
    number = start - 2 + place
    chosen = paddle.where(number == -1, paddle.zeros_like(place), place + 1)
    chosen = paddle.where(number == height, paddle.zeros_like(place) + length + 4, chosen)
    scores = scores.index_select(chosen, axis=1).reshape([-1, (length + 3) * width, patches])
    scores = add_neighbours_in_columns(scores, length + 1, geometry)
    inside = _inside(geometry, start - 1, length + 1, scores)
    weights = softmax_of_known(scores, operands.known, inside)
    cells = mixed_cells(weights, operands.cells, length + 1, geometry)
    return crop(cells, [1, 0], [length, width + 1]).transpose([2, 0, 1, 3])


def _compared(operands: Operands, geometry: Geometry, start: Size, rows: Size) -> Tensor:
    """Scores of rows from `start`, with their neighbours along rows: [B, rows * wf, L]."""
    width = geometry.foreground[1]
    seen = paddle.arange(rows + 2 + geometry.patch_size) + start - 1 + ABOVE
    scores = inner_products(
        operands._replace(asking=operands.asking.index_select(seen, axis=2)),
        geometry._replace(foreground=(rows + 2, width)),
    )
    inside = _inside(geometry, start - 1, rows + 2, scores)
    scores = scores * paddle.matmul(inside, operands.norm.reciprocal())
    scores = part(scores, 1, width - 1, rows * width + 2)
    return add_neighbours_in_rows(scores, rows * width, geometry)


def _inside(geometry: Geometry, start: Size, rows: Size, like_BPL: Tensor) -> Tensor:
    """1 for positions in rows of the grid, 0 beyond: [1, rows * wf, 1]."""
    height, width = geometry.foreground
    numbers = paddle.arange(rows) + start
    inside = ((numbers >= 0) & (numbers < height)).astype(like_BPL.dtype)
    return inside.reshape([1, -1, 1]).tile([1, 1, width]).reshape([1, -1, 1])


def _laid_out(cells: Tensor, rows: Span, geometry: Geometry) -> Tensor:
    """Rows of features in cells [R, B, C * rate**2, wf + 1] -> [B, C, Hf, Wf]."""
    places = rows.places(geometry.foreground[0] + 1)
    return laid_out(cells.index_select(places, axis=0).transpose([1, 2, 0, 3]), geometry)
