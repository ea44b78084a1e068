# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Passes over the scores of all pairs of positions, each by the operator that a CPU does fastest.

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
    """x[..., start : start + size] along the last axes, as many as there are starts."""
    whole = x.ndim - len(starts)
    if paddle.in_dynamic_mode():  # slices take ten times longer on a CPU
        return paddle.crop(x, x.shape[:whole] + sizes, [0] * whole + starts)
    ends = [starts[i] + sizes[i] for i in range(len(starts))]
    return paddle.slice(x, list(range(whole, x.ndim)), starts, ends)


def part(x: Tensor, axis: int, start: int, size: int) -> Tensor:
    """[B, N, M] cut along axis 1 or 2."""
    behind = 2 - axis
    return crop(x, [start] + [0] * behind, [size] + x.shape[3 - behind :])


def with_zeros(x: Tensor, axis: int, before: int, after: int) -> Tensor:
    """Zeros at both ends of axis 1 or 2 of [B, N, M]. F.pad takes ten times longer on a CPU."""
    zero = paddle.zeros_like(part(x, axis, 0, 1))
    return paddle.concat([zero] * before + [x] + [zero] * after, axis)


def continue_columns(x: Tensor, axis: int, grid: tuple[int, int], reach: int) -> Tensor:
    """Rows before and behind a grid that go on with its columns: axis 1 or 2 of x, [B, N, M].

    The end of a column leads to the top of the next one, and the last one to zeros.
    """
    height, width = grid
    for i in range(reach):
        last = part(x, axis, (height - 1) * width, width)
        first = part(x, axis, 2 * i * width, width)
        before = part(with_zeros(last, axis, 1, 0), axis, 0, width)
        behind = part(with_zeros(first, axis, 0, 1), axis, 1, width)
        x = paddle.concat([before, x, behind], axis)
    return x


def repeated(row_B1L: Tensor, like_BPL: Tensor) -> Tensor:
    """A row for every position: [B, P, L]. On a CPU, broadcasting one takes ten times longer."""
    return paddle.matmul(paddle.ones_like(part(like_BPL, 2, 0, 1)), row_B1L)
