# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Convolution on a CPU by compiled graphs, which may use oneDNN where eager Paddle may not.

Paddle's eager kernel copies the k x k neighbourhood of every position before it multiplies. That of
oneDNN needs no copy and is 1.5 to 4 times as fast, in either direction.

Letters: B batch, C channels, H W feature map, H' W' result, k filter size.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import paddle
from paddle import Tensor
from paddle.autograd import PyLayer

from ppdeepfill.networks.activations import SLOPES
from ppdeepfill.networks.kernels.bias import sum_over_images
from ppdeepfill.networks.kernels.compiled_graphs import (
    ActivatedStep,
    Convolution,
    Forward,
    InputGradient,
    WeightGradient,
    compiled,
    compiled_steps,
    paddle_suits,
)
from ppdeepfill.networks.kernels.graph_runs import runs
from ppdeepfill.networks.kernels.step import Step
from ppdeepfill.networks.kernels.tracing import computes_now

SMALLEST = 1 << 16  # numbers in a feature map

_eagerly = ContextVar("eagerly", default=False)


@contextmanager
def eagerly() -> Iterator[None]:
    """While entered, Paddle's own kernels are used."""
    token = _eagerly.set(True)
    try:
        yield
    finally:
        _eagerly.reset(token)


def compiles(x: Tensor) -> bool:
    """Whether this module takes x: float32 on a CPU, computed now, by a Paddle that suits.

    And large enough: to run a graph takes 0.3 ms more than to call an operator.
    """
    return (
        computes_now()
        and x.size >= SMALLEST
        and not _eagerly.get()
        and x.place.is_cpu_place()
        and x.dtype == paddle.float32
        and paddle_suits()
    )


def run_step(x: Tensor, step: Step) -> Tensor:
    """Take a step.

    Gradients of higher order are those of Paddle's own kernels, which has none of transposed
    convolutions on a CPU. Paddle's limit for such functions: `paddle.grad` has to be asked for the
    gradients of x, weight and bias, as far as they accept some.

    Args:
        x: [B, C, H, W], which `compiles`.
        step: with an activation of `SLOPES`.

    Returns:
        [B, out, H', W'].
    """
    bias = step.bias
    if bias is None:
        bias = paddle.zeros([_described(step).channels[1]])
    return _Step.apply(x, step.weight, bias, _described(step))


def run_steps(x: Tensor, steps: Sequence[Step]) -> Tensor:
    """Take steps one after another by one graph, where no gradients are wanted.

    Args:
        x: [B, C, H, W], which `compiles`.
        steps: with biases; the first takes C channels.
    """
    return _run_forward(
        x,
        tuple(map(_described, steps)),
        [step.weight for step in steps],
        [step.bias for step in steps],
    )


def _described(step: Step) -> ActivatedStep:
    """What a graph has to know of a step."""
    if step.geometry is None:
        return ActivatedStep(Convolution.halving(step.weight), True, step.activation)
    stride, padding, dilation = (step.geometry[k] for k in ("stride", "padding", "dilation"))
    kind = Convolution(tuple(step.weight.shape), stride, tuple(padding), dilation)
    return ActivatedStep(kind, False, step.activation)


def _run_forward(
    x: Tensor, steps: tuple[ActivatedStep, ...], weights: list[Tensor], biases: list[Tensor]
) -> Tensor:
    (batch, _, *size), doubled = x.shape, []  # a graph has to be shown the shape of what doubles
    for step in steps:
        if step.doubles:
            size = [2 * n for n in size]
            doubled.append(paddle.empty([batch, step.channels[1], *size]))
        else:
            size = step.convolution.result_size(*size)
    biases = [bias.reshape([1, -1, 1, 1]) for bias in biases]
    return runs.run(compiled_steps(steps), x, weights, biases, doubled)


class _Step(PyLayer):
    """A step, whose gradients are computed by compiled graphs too."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor, step: ActivatedStep) -> Tensor:
        ctx.step = step
        ctx.constants = x.stop_gradient, weight.stop_gradient, bias.stop_gradient
        result = _run_forward(x, (step,), [weight], [bias])
        ctx.save_for_backward(x, weight, result)
        return result

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, result = ctx.saved_tensor()
        if ctx.step.activation is not None:
            gradient = gradient * SLOPES[ctx.step.activation](result)
        ways = _eager_gradients if paddle.is_grad_enabled() else _compiled_gradients
        gradients = *ways(ctx.step, x, weight, gradient), lambda: sum_over_images(gradient)
        return tuple(
            None if constant else gradient_of()
            for constant, gradient_of in zip(ctx.constants, gradients, strict=True)
        )


def _compiled_gradients(
    step: ActivatedStep, x: Tensor, weight: Tensor, gradient: Tensor
) -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
    """How the gradients of x and weight are computed."""
    kind = step.convolution
    if step.doubles:  # forward is backward here
        return (
            lambda: runs.run(compiled(Forward, kind), gradient, weight),
            lambda: runs.run(compiled(WeightGradient, kind), gradient, weight, x),
        )
    return (
        lambda: runs.run(compiled(InputGradient, kind), x, weight, gradient),
        lambda: runs.run(compiled(WeightGradient, kind), x, weight, gradient),
    )


def _eager_gradients(
    step: ActivatedStep, x: Tensor, weight: Tensor, gradient: Tensor
) -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
    """The same so that they can be differentiated."""
    if step.doubles:
        raise NotImplementedError("Paddle has no second derivative of this on a CPU")
    _, stride, padding, dilation = step.convolution
    geometry = [stride] * 2, list(padding), "EXPLICIT", [dilation] * 2, 1, "NCHW"
    of_x, of_weight = paddle._C_ops.conv2d_grad(x, weight, gradient, *geometry)
    return lambda: of_x, lambda: of_weight
