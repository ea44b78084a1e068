# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Operations on the scores of all pairs of positions, by the operators that are fastest on a CPU.

They are linear, and their gradients are written down here, since Paddle's own would fill a tensor
of the full size with zeros for every part that was cut out.

Letters: B batch, P foreground positions, L background patches; N and M any two axes.
"""

import paddle
from paddle import Tensor
from paddle.autograd import PyLayer

from ppdeepfill.networks.kernels.tracing import computes_now


def sum_shifted(scores: Tensor, shift: list[int], size: int, kept: list[int]) -> Tensor:
    """sum over i < size of scores[:, i * shift[0] :, i * shift[1] :], cut to [B, *kept]."""
    if size == 1:
        return crop(scores, [0, 0], kept)
    if _needs_gradient(scores):
        return _SumShifted.apply(scores, shift, size, kept)
    return _sum_shifted(scores, shift, size, kept)


def crop(x: Tensor, starts: list[int], sizes: list[int]) -> Tensor:
    """x[..., start : start + size] along the last len(starts) axes."""
    if _needs_gradient(x):
        return _Crop.apply(x, starts, sizes)
    return _crop(x, starts, sizes)


def part(x: Tensor, axis: int, start: int, size: int) -> Tensor:
    """Cut [B, N, M] along axis 1 or 2."""
    axes_after = 2 - axis
    return crop(x, [start] + [0] * axes_after, [size] + x.shape[3 - axes_after :])


def with_zeros(x: Tensor, axis: int, before: int, after: int) -> Tensor:
    """Pad axis 1 or 2 of [B, N, M] with zeros. F.pad takes ten times longer on a CPU."""
    if before == after == 0:
        return x
    if _needs_gradient(x):
        return _WithZeros.apply(x, axis, before, after)
    return _with_zeros(x, axis, before, after)


def continue_columns(x: Tensor, axis: int, grid: tuple[int, int], reach: int) -> Tensor:
    """Add rows above and below a grid that continue its columns; it is axis 1 or 2 of [B, N, M].

    Below the end of a column comes the top of the next column, below the last column zeros.
    """
    for i in range(reach):
        # Row height - 1 - i of the grid comes above it and row i below; i rows are above already.
        rows = (grid[0] - 1, 2 * i)
        if _needs_gradient(x):
            x = _ContinueColumns.apply(x, axis, rows, grid[1])
        else:
            x = _continue_columns(x, axis, rows, grid[1])
    return x


def repeated(row_B1L: Tensor, like_BPL: Tensor) -> Tensor:
    """Repeat a row for every position: [B, P, L]. Broadcasting is ten times slower on a CPU."""
    return paddle.matmul(paddle.ones_like(part(like_BPL, 2, 0, 1)), row_B1L)


@paddle.jit.not_to_static
def _needs_gradient(x: Tensor) -> bool:
    return computes_now() and paddle.is_grad_enabled() and not x.stop_gradient


def _sum_shifted(scores: Tensor, shift: list[int], size: int, kept: list[int]) -> Tensor:
    total = _crop(scores, [0, 0], kept)
    for i in range(1, size):
        total = total + _crop(scores, [i * shift[0], i * shift[1]], kept)
    return total


@paddle.jit.not_to_static
def _crop(x: Tensor, starts: list[int], sizes: list[int]) -> Tensor:
    whole = x.ndim - len(starts)
    if paddle.in_dynamic_mode():  # slices take ten times longer on a CPU
        return paddle.crop(x, x.shape[:whole] + sizes, [0] * whole + starts)
    ends = [starts[i] + sizes[i] for i in range(len(starts))]
    return paddle.slice(x, list(range(whole, x.ndim)), starts, ends)


def _with_zeros(x: Tensor, axis: int, before: int, after: int) -> Tensor:
    zero = paddle.zeros_like(part(x, axis, 0, 1))
    return paddle.concat([zero] * before + [x] + [zero] * after, axis)


def _continue_columns(x: Tensor, axis: int, rows: tuple[int, int], width: int) -> Tensor:
    last, first = (part(x, axis, row * width, width) for row in rows)
    return paddle.concat([_next(last, axis), x, _previous(first, axis)], axis)


def _next(row: Tensor, axis: int) -> Tensor:
    """Move a row by one column; a zero comes first."""
    return part(with_zeros(row, axis, 1, 0), axis, 0, row.shape[axis])


def _previous(row: Tensor, axis: int) -> Tensor:
    """Move a row back by one column; a zero comes last."""
    return part(with_zeros(row, axis, 0, 1), axis, 1, row.shape[axis])


class _SumShifted(PyLayer):
    @staticmethod
    def forward(ctx, scores: Tensor, shift: list[int], size: int, kept: list[int]) -> Tensor:
        ctx.arguments = shift, size, kept, scores.shape[1:]
        return _sum_shifted(scores, shift, size, kept)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        shift, size, kept, whole = ctx.arguments
        reach = [(size - 1) * step for step in shift]
        seen = [kept[i] + reach[i] for i in range(2)]
        gradient = _zeros_around(gradient, reach, reach)
        gradient = sum_shifted(gradient, shift, size, seen)
        return _zeros_around(gradient, [0, 0], [whole[i] - seen[i] for i in range(2)])


class _Crop(PyLayer):
    @staticmethod
    def forward(ctx, x: Tensor, starts: list[int], sizes: list[int]) -> Tensor:
        whole = x.shape[x.ndim - len(starts) :]
        after = [whole[i] - starts[i] - sizes[i] for i in range(len(starts))]
        ctx.zeros = starts, after
        return _crop(x, starts, sizes)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return _zeros_around(gradient, *ctx.zeros)


class _WithZeros(PyLayer):
    @staticmethod
    def forward(ctx, x: Tensor, axis: int, before: int, after: int) -> Tensor:
        ctx.kept = axis, before, x.shape[axis]
        return _with_zeros(x, axis, before, after)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return part(gradient, *ctx.kept)


class _ContinueColumns(PyLayer):
    @staticmethod
    def forward(ctx, x: Tensor, axis: int, rows: tuple[int, int], width: int) -> Tensor:
        ctx.arguments = axis, rows, width, x.shape[axis]
        return _continue_columns(x, axis, rows, width)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        axis, (last, first), width, size = ctx.arguments
        before = _previous(part(gradient, axis, 0, width), axis)
        after = _next(part(gradient, axis, width + size, width), axis)
        gradient = part(gradient, axis, width, size)
        gradient = _with_row_added(gradient, axis, last * width, before)
        return _with_row_added(gradient, axis, first * width, after)


def _zeros_around(x: Tensor, before: list[int], after: list[int]) -> Tensor:
    """Pad the last len(before) axes with zeros."""
    for axis, sizes in enumerate(zip(before, after, strict=True), x.ndim - len(before)):
        zeros = [paddle.zeros([*x.shape[:axis], n, *x.shape[axis + 1 :]], x.dtype) for n in sizes]
        x = paddle.concat([block for block in (zeros[0], x, zeros[1]) if block.shape[axis]], axis)
    return x


def _with_row_added(x: Tensor, axis: int, start: int, row: Tensor) -> Tensor:
    """Add a row to positions start, start + 1, ... of axis 1 or 2 of x [B, N, M]."""
    stop, size = start + row.shape[axis], x.shape[axis]
    changed = part(x, axis, start, stop - start) + row
    blocks = [part(x, axis, 0, start)] * (start > 0)
    blocks += [changed] + [part(x, axis, stop, size - stop)] * (stop < size)
    return paddle.concat(blocks, axis)
