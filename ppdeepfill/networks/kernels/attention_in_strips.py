# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Contextual attention, a few rows of the foreground at a time.

The scores of a strip stay in the CPU's caches, and the next strip reuses their memory. Larger
tensors would go back to the system, which has to map new pages for each of them.
Gradients recompute the scores, so a forward pass keeps nothing but the weights that it returns.

Letters as in attention/contextual.py.
"""

import math

import paddle
from paddle import Tensor
from paddle.autograd import PyLayer

from ppdeepfill.networks.kernels.fast_attention import (
    Geometry,
    Operands,
    add_neighbours_in_columns,
    add_neighbours_in_rows,
    as_maps,
    cosine_similarity,
    laid_out,
    mixed_cells,
    prepared,
    softmax_of_known,
)
from ppdeepfill.networks.kernels.score_maps import crop, part, with_zeros

WHOLE_BYTES = 1 << 25  # glibc returns larger blocks to the system as soon as they are freed
STRIP_BYTES = 1 << 24  # of the scores of one strip
FEWEST_ROWS = 4  # of a strip, since four more are compared for its neighbours


def attention_in_strips(
    foreground: Tensor, background: Tensor, mask: Tensor | None, **options
) -> tuple[Tensor, Tensor]:
    """Features [B, C, Hf, Wf] and weights [B, L, hf, wf]: see `contextual_attention`."""
    operands, geometry = prepared(foreground, background, mask, **options)
    *factors, known = operands
    cells, weights_BPL = _Strips.apply(*factors, known, geometry)
    return laid_out(cells, geometry), as_maps(weights_BPL, geometry)


def strips_are_faster(foreground: Tensor, background: Tensor, options: dict) -> bool:
    """Whether the scores of the whole are too large for the C library to keep their memory."""
    positions, patches = (
        math.prod(x.shape[2:]) // options["rate"] ** 2 for x in (foreground, background)
    )
    height, width = (size // options["rate"] for size in foreground.shape[2:])
    fits = 4 * foreground.shape[0] * positions * patches // options["stride"] ** 2 <= WHOLE_BYTES
    large = min(height, width) >= max(FEWEST_ROWS, options["propagation_size"])
    return large and not fits and foreground.place.is_cpu_place()


def rows_of_strips(batch: int, geometry: Geometry) -> int:
    """How many rows of the foreground to take at a time."""
    row_bytes = 4 * batch * geometry.foreground[1] * math.prod(geometry.patches)
    return max(STRIP_BYTES // row_bytes - 2 * (geometry.propagation_size - 1), FEWEST_ROWS)


class _Strips(PyLayer):
    """Operands -> features in cells and weights [B, P, L]."""

    @staticmethod
    def forward(ctx, asking, answering, norm, cells, known, geometry: Geometry):
        ctx.set_materialize_grads(False)  # the weights are rarely used
        ctx.save_for_backward(asking, answering, norm, cells)
        ctx.known, ctx.geometry = known, geometry
        return _all_strips(Operands(asking, answering, norm, cells, known), geometry)

    @staticmethod
    def backward(ctx, of_cells: Tensor | None, of_weights: Tensor | None):
        saved, geometry = ctx.saved_tensor(), ctx.geometry
        width = geometry.foreground[1]
        factors = [x.detach() for x in saved]
        for copy, original in zip(factors, saved, strict=True):
            copy.stop_gradient = original.stop_gradient
        operands = Operands(*factors, ctx.known)
        for first, end in _strips(saved[0].shape[0], geometry):
            gradients = [
                None if of_cells is None else of_cells[:, :, first : end + 1],
                None if of_weights is None else of_weights[:, first * width : end * width],
            ]
            with paddle.enable_grad():
                results = _strip(operands, geometry, first, end)
            paddle.autograd.backward(*_with_gradients(results, gradients))
        return tuple(None if x.stop_gradient else _gradient(x) for x in factors)


def _all_strips(operands: Operands, geometry: Geometry) -> tuple[Tensor, Tensor]:
    """Features in cells [B, C * rate**2, hf + 1, wf + 1] and weights [B, P, L]."""
    mixed, weights, width = [], [], geometry.foreground[1] + 1
    for first, end in _strips(operands.asking.shape[0], geometry):
        cells, strip_weights = _strip(operands, geometry, first, end)
        weights.append(strip_weights)
        if mixed:  # the last row of the strip above is the first of this one
            shared = crop(cells, [0, 0], [1, width]) + mixed.pop()
            cells = paddle.concat([shared, crop(cells, [1, 0], [end - first, width])], axis=2)
        mixed.append(crop(cells, [0, 0], [end - first, width]))
        mixed.append(crop(cells, [end - first, 0], [1, width]))
    return paddle.concat(mixed, axis=2), paddle.concat(weights, axis=1)


def _gradient(x: Tensor) -> Tensor:
    """The accumulated gradient of x; zeros if there is none, because Paddle crashes on None."""
    return paddle.zeros_like(x) if x.grad is None else x.grad


def _with_gradients(
    results: tuple[Tensor, Tensor], gradients: list[Tensor | None]
) -> tuple[list[Tensor], list[Tensor]]:
    """The results that have a gradient, and these gradients."""
    pairs = [pair for pair in zip(results, gradients, strict=True) if pair[1] is not None]
    return [result for result, _ in pairs], [gradient for _, gradient in pairs]


def _strips(batch: int, geometry: Geometry) -> list[tuple[int, int]]:
    """First row of each strip, and the row after its last."""
    height, rows = geometry.foreground[0], rows_of_strips(batch, geometry)
    return [(first, min(first + rows, height)) for first in range(0, height, rows)]


def _strip(operands: Operands, geometry: Geometry, first: int, end: int) -> tuple[Tensor, Tensor]:
    """Features in cells [B, C * rate**2, end - first + 1, wf + 1] and weights [B, N, L]."""
    scores = _propagated(operands, geometry, first, end)
    weights = softmax_of_known(scores, operands.known)
    return mixed_cells(weights, operands.cells, end - first, geometry), weights


def _propagated(operands: Operands, geometry: Geometry, first: int, end: int) -> Tensor:
    """Rows first to end of the propagated scores: [B, (end - first) * wf, L].

    Propagation along columns needs the rows above and below. Above a column comes the end of the
    column before it, below it the top of the next one.
    """
    (height, width), reach = geometry.foreground, geometry.propagation_size // 2
    start, stop = max(first - reach, 0), min(end + reach, height)
    rows = [_compared(operands, geometry, start * width, stop * width)]
    for row in range(1, reach - first + 1):  # above the grid
        number = (height - row) * width
        scores = _compared(operands, geometry, number, number + width - 1)
        rows.insert(0, with_zeros(scores, 1, 1, 0))
    for row in range(end + reach - height):  # below it
        scores = _compared(operands, geometry, row * width + 1, (row + 1) * width)
        rows.append(with_zeros(scores, 1, 0, 1))
    scores = rows[0] if len(rows) == 1 else paddle.concat(rows, axis=1)
    return scores if reach == 0 else add_neighbours_in_columns(scores, end - first, geometry)


def _compared(operands: Operands, geometry: Geometry, start: int, stop: int) -> Tensor:
    """Scores of positions start to stop, with their neighbours along rows: [B, stop - start, L]."""
    (height, width), reach = geometry.foreground, geometry.propagation_size // 2
    first, last = max(start - reach, 0), min(stop + reach, height * width)
    top, bottom = first // width, math.ceil(last / width)
    seen = bottom - top + geometry.patch_size  # patches reach beyond, and one row is for shifting
    asking = crop(operands.asking, [top, 0], [seen, operands.asking.shape[3]])
    scores = cosine_similarity(
        operands._replace(asking=asking), geometry._replace(foreground=(bottom - top, width))
    )
    scores = part(scores, 1, first - top * width, last - first)
    if reach == 0:
        return scores
    scores = with_zeros(scores, 1, first - start + reach, stop + reach - last)
    return add_neighbours_in_rows(scores, stop - start, geometry)
