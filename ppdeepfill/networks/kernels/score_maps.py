# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Operations on the scores of all pairs of positions, by the operators that are fastest on a CPU.

Letters: B batch, P foreground positions, L background patches; N and M any two axes.
"""

import paddle
from paddle import Tensor


def sum_shifted(scores: Tensor, shift: list[int], size: int, kept: list[int]) -> Tensor:
    """sum over i < size of scores[:, i * shift[0] :, i * shift[1] :], cut to [B, *kept]."""
    total = crop(scores, [0, 0], kept)
    for i in range(1, size):
        total = total + crop(scores, [i * shift[0], i * shift[1]], kept)
    return total


def crop(x: Tensor, starts: list[int], sizes: list[int]) -> Tensor:
    """x[..., start : start + size] along the last len(starts) axes."""
    whole = x.ndim - len(starts)
    if paddle.in_dynamic_mode():  # slices take ten times longer on a CPU
        return paddle.crop(x, x.shape[:whole] + sizes, [0] * whole + starts)
    ends = [starts[i] + sizes[i] for i in range(len(starts))]
    return paddle.slice(x, list(range(whole, x.ndim)), starts, ends)


def part(x: Tensor, axis: int, start: int, size: int) -> Tensor:
    """Cut [B, N, M] along axis 1 or 2."""
    axes_after = 2 - axis
    return crop(x, [start] + [0] * axes_after, [size] + x.shape[3 - axes_after :])


def with_zeros(x: Tensor, axis: int, before: int, after: int) -> Tensor:
    """Pad axis 1 or 2 of [B, N, M] with zeros. F.pad takes ten times longer on a CPU."""
    zero = paddle.zeros_like(part(x, axis, 0, 1))
    return paddle.concat([zero] * before + [x] + [zero] * after, axis)


def continue_columns(x: Tensor, axis: int, grid: tuple[int, int], reach: int) -> Tensor:
    """Add rows above and below a grid that continue its columns; it is axis 1 or 2 of [B, N, M].

    Below the end of a column comes the top of the next column, below the last column zeros.
    """
    height, width = grid
    for i in range(reach):
        last = part(x, axis, (height - 1) * width, width)
        first = part(x, axis, 2 * i * width, width)
        before = part(with_zeros(last, axis, 1, 0), axis, 0, width)
        after = part(with_zeros(first, axis, 0, 1), axis, 1, width)
        x = paddle.concat([before, x, after], axis)
    return x


def repeated(row_B1L: Tensor, like_BPL: Tensor) -> Tensor:
    """Repeat a row for every position: [B, P, L]. Broadcasting is ten times slower on a CPU."""
    return paddle.matmul(paddle.ones_like(part(like_BPL, 2, 0, 1)), row_B1L)
