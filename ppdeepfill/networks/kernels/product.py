# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Products of large matrices: on a CPU, compiled graphs with oneDNN take less than half the time.

Letters: B batch; N, K, M sizes of matrices.
"""

import paddle
from paddle import Tensor
from paddle.autograd import PyLayer

from ppdeepfill.networks.kernels.compiled_convolution import compiles
from ppdeepfill.networks.kernels.compiled_graphs import compiled_product
from ppdeepfill.networks.kernels.graph_runs import runs


def product(
    x: Tensor, y: Tensor, *, transpose_x: bool = False, transpose_y: bool = False
) -> Tensor:
    """Multiply matrices as `paddle.matmul` does, up to float rounding.

    If both factors need gradients, a call of `paddle.grad` must ask for both.

    Args:
        x: [B, N, K]; with `transpose_x`, [B, K, N].
        y: [B, K, M]; with `transpose_y`, [B, M, K].
        transpose_x, transpose_y: whether a factor is given transposed.

    Returns:
        [B, N, M].
    """
    if compiles(x) or compiles(y):
        return _CompiledProduct.apply(x, y, transpose_x, transpose_y)
    return paddle.matmul(x, y, transpose_x, transpose_y)


def _run(x: Tensor, y: Tensor, transpose_x: bool, transpose_y: bool) -> Tensor:
    return runs.run(compiled_product(transpose_x, transpose_y), x, y)


class _CompiledProduct(PyLayer):
    """A product whose gradients are also computed by compiled graphs."""

    @staticmethod
    def forward(ctx, x: Tensor, y: Tensor, transpose_x: bool, transpose_y: bool) -> Tensor:
        ctx.transposed = transpose_x, transpose_y
        ctx.constants = x.stop_gradient, y.stop_gradient
        ctx.save_for_backward(x, y)
        return _run(x, y, transpose_x, transpose_y)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensor()
        transpose_x, transpose_y = ctx.transposed
        multiply = paddle.matmul if paddle.is_grad_enabled() else _run
        # With z = x y: dx = dz y^T and dy = x^T dz; a transposed factor transposes its gradient.
        of_x = (
            (y, gradient, transpose_y, True)
            if transpose_x
            else (gradient, y, False, not transpose_y)
        )
        of_y = (
            (gradient, x, True, transpose_x)
            if transpose_y
            else (x, gradient, not transpose_x, False)
        )
        return tuple(
            None if constant else multiply(*factors)
            for constant, factors in zip(ctx.constants, (of_x, of_y), strict=True)
        )
