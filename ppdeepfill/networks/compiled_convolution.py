# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Convolution on a CPU by compiled graphs, which may use oneDNN where eager Paddle may not.

Paddle's eager kernel copies the k x k neighbourhood of every position before it multiplies. That of
oneDNN needs no copy and is 1.5 to 4 times as fast, in either direction.

Letters: B batch, C channels, H W feature map, k filter size.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import paddle
from paddle import Tensor
from paddle.autograd import PyLayer

from ppdeepfill.networks.compiled_graphs import (
    ActivatedStep,
    Convolution,
    Forward,
    ForwardWithoutBias,
    InputGradient,
    WeightGradient,
    compiled,
    compiled_steps,
    paddle_suits,
    run,
)


def compiles(x: Tensor) -> bool:
    """Whether this module takes x: float32 on a CPU, computed now, by a Paddle that suits."""
    return (
        paddle.in_dynamic_mode()
        and x.place.is_cpu_place()
        and x.dtype == paddle.float32
        and paddle_suits()
    )


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: int,
    padding: Sequence[int],
    dilation: int,
) -> Tensor:
    """`F.conv2d`, for what `compiles`.

    Gradients of higher order are those of Paddle's own kernels. Paddle's limit for such functions:
    `paddle.grad` has to be asked for the gradients of all three, where all accept some.

    Args:
        x: [B, C, H, W].
        weight: [out, C, k, k].
        bias: [out].
        stride: step between filter positions.
        padding: zeros at top, bottom, left, right.
        dilation: distance of the filter's taps.
    """
    kind = Convolution(tuple(weight.shape), stride, tuple(padding), dilation)
    return _Convolve.apply(x, weight, bias, kind)


def convolve_transposed(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.conv2d_transpose` with 4x4 filters, stride 2 and padding 1; gradients of first order.

    Args:
        x: [B, C, H, W].
        weight: [C, out, 4, 4].
        bias: [out].

    Returns:
        [B, out, 2H, 2W].
    """
    return _ConvolveTransposed.apply(x, weight, bias)


class Step(NamedTuple):
    """A convolution with bias and activation.

    Attributes:
        weight: as in `convolve`, or as in `convolve_transposed` for steps that double the size.
        bias: [out].
        activation: of every value, a function that a graph may hold; None leaves them.
        geometry: stride, padding and dilation of `convolve`; None doubles the size.
    """

    weight: Tensor
    bias: Tensor
    activation: Callable[[Tensor], Tensor] | None
    geometry: Mapping | None

    def described(self) -> ActivatedStep:
        """What a graph has to know of it."""
        if self.geometry is None:
            return ActivatedStep(Convolution.halving(self.weight), True, self.activation)
        stride, padding, dilation = (self.geometry[k] for k in ("stride", "padding", "dilation"))
        kind = Convolution(tuple(self.weight.shape), stride, tuple(padding), dilation)
        return ActivatedStep(kind, False, self.activation)


def run_steps(x: Tensor, steps: Sequence[Step]) -> Tensor:
    """Take steps one after another by one graph, where no gradients are wanted.

    Args:
        x: [B, C, H, W], which `compiles`.
        steps: the first takes C channels.
    """
    described = tuple(step.described() for step in steps)
    (batch, _, *size), doubled = x.shape, []
    for step in described:
        if step.doubles:
            size = [2 * n for n in size]
            doubled.append(paddle.empty([batch, step.channels[1], *size]))
        else:
            size = step.convolution.result_size(*size)
    weights = [step.weight for step in steps]
    biases = [step.bias.reshape([1, -1, 1, 1]) for step in steps]
    return run(compiled_steps(described), x, weights, biases, doubled)


class _Convolve(PyLayer):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor | None, kind: Convolution) -> Tensor:
        ctx.kind = kind
        _keep(ctx, x, weight, bias)
        if bias is None:
            return run(compiled(ForwardWithoutBias, kind), x, weight)
        return run(compiled(Forward, kind), x, weight, bias.reshape([1, -1, 1, 1]))

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensor()
        if paddle.is_grad_enabled():  # the gradients are to be differentiated
            stride, padding, dilation = ctx.kind[1:]
            geometry = [stride] * 2, list(padding), "EXPLICIT", [dilation] * 2, 1, "NCHW"
            of_x, of_weight = paddle._C_ops.conv2d_grad(x, weight, gradient, *geometry)
            return _wanted(ctx, lambda: of_x, lambda: of_weight, lambda: _over_images(gradient))
        return _wanted(
            ctx,
            lambda: run(compiled(InputGradient, ctx.kind), x, weight, gradient),
            lambda: run(compiled(WeightGradient, ctx.kind), x, weight, gradient),
            lambda: _over_images(gradient),
        )


class _ConvolveTransposed(PyLayer):
    """`_Convolve` backwards: its forward pass is the gradient of the other's input."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.kind = Convolution.halving(weight)
        _keep(ctx, x, weight, bias)
        batch, _, height, width = x.shape
        doubled = paddle.empty([batch, weight.shape[1], 2 * height, 2 * width])
        if bias is None:
            return run(compiled(InputGradient, ctx.kind), doubled, weight, x)
        step = ActivatedStep(ctx.kind, True, None)
        bias = bias.reshape([1, -1, 1, 1])
        return run(compiled_steps((step,)), x, [weight], [bias], [doubled])

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensor()
        if paddle.is_grad_enabled():
            raise NotImplementedError("Paddle has no second derivative of this on a CPU")
        return _wanted(
            ctx,
            lambda: run(compiled(ForwardWithoutBias, ctx.kind), gradient, weight),
            lambda: run(compiled(WeightGradient, ctx.kind), gradient, weight, x),
            lambda: _over_images(gradient),
        )


def _keep(ctx, x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """What the gradients need."""
    ctx.save_for_backward(x, weight)
    ctx.constant = [tensor.stop_gradient for tensor in (x, weight, bias) if tensor is not None]


def _wanted(ctx, *gradients: Callable[[], Tensor]) -> tuple[Tensor | None, ...]:
    """The gradients of those that are no constants; the bias comes last and may be missing."""
    return tuple(
        None if constant else gradient()
        for constant, gradient in zip(ctx.constant, gradients, strict=False)
    )


def _over_images(gradient: Tensor) -> Tensor:
    """Sum of [B, C, H, W] over all but the channels, precisely: one axis at a time.

    Paddle adds up several axes in one float32 number, which loses up to 3e-4 of the gradient of a
    bias on 256 x 256 maps.
    """
    return gradient.sum(axis=3).sum(axis=2).sum(axis=0)
