# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Convolution on a CPU by compiled graphs, which can use oneDNN; eager Paddle cannot.

Paddle's eager kernel copies the k x k neighbourhood of every position before it multiplies. The
oneDNN kernel needs no copy and is 1.5 to 4 times as fast, both forward and backward.

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
from ppdeepfill.networks.kernels.sequence_bands import sequence_in_bands
from ppdeepfill.networks.kernels.step import Step
from ppdeepfill.networks.kernels.tracing import computes_now

SMALLEST = 1 << 16  # numbers in a feature map
LEAST_WORK = 1 << 26  # multiplications in a convolution of a smaller one

_eagerly = ContextVar("eagerly", default=False)


@contextmanager
def eagerly() -> Iterator[None]:
    """Within this context, convolutions use Paddle's own kernels."""
    token = _eagerly.set(True)
    try:
        yield
    finally:
        _eagerly.reset(token)


def compiles(x: Tensor, step: Step | None = None) -> bool:
    """Whether to compile: x is float32 on a CPU, holds numbers now, and Paddle gains by it.

    x, or the step's work, must also be large enough: running a graph takes 0.3 ms more than calling
    an operator.
    """
    return (
        computes_now()
        and (x.size >= SMALLEST or (step is not None and step.work(x) >= LEAST_WORK))
        and not _eagerly.get()
        and x.place.is_cpu_place()
        and x.dtype == paddle.float32
        and paddle_suits()
    )


def run_step(x: Tensor, step: Step) -> Tensor:
    """Compute one step.

    Higher-order gradients come from Paddle's own kernels; Paddle has none for transposed
    convolutions on a CPU. A limit of Paddle's `PyLayer`: a call of `paddle.grad` must ask for the
    gradients of all of x, weight and bias that do not stop gradients.

    Args:
        x: [B, C, H, W]; `compiles(x, step)` is true.
        step: its activation is one of `SLOPES`.

    Returns:
        [B, out, H', W'].
    """
    return _CompiledStep.apply(x, step.weight, step.bias, _without_tensors(step))


def run_steps(x: Tensor, steps: Sequence[Step]) -> Tensor:
    """Compute several steps in one graph, without gradients.

    Args:
        x: [B, C, H, W]; `compiles(x)` is true.
        steps: the first takes C channels.
    """
    weights = [step.weight for step in steps]
    biases = [step.bias for step in steps if step.bias is not None]
    kinds = tuple(map(_without_tensors, steps))
    return sequence_in_bands(lambda part: _run_forward(part, kinds, weights, biases), x, kinds)


def _without_tensors(step: Step) -> ActivatedStep:
    """The part of a step that a graph is compiled for."""
    biased = step.bias is not None
    if step.geometry is None:
        return ActivatedStep(Convolution.halving(step.weight), True, biased, step.activation)
    kind = Convolution.of(step.weight, step.geometry)
    return ActivatedStep(kind, False, biased, step.activation)


def _run_forward(
    x: Tensor, steps: tuple[ActivatedStep, ...], weights: list[Tensor], biases: list[Tensor]
) -> Tensor:
    # A graph cannot know the shapes of the maps that it doubles; it gets tensors of these shapes.
    (batch, _, *size), doubled = x.shape, []
    for step in steps:
        if step.doubles:
            size = [2 * n for n in size]
            doubled.append(paddle.empty([batch, step.channels[1], *size]))
        else:
            size = step.convolution.result_size(*size)
    biases = [bias.reshape([1, -1, 1, 1]) for bias in biases]
    return runs.run(compiled_steps(steps), x, weights, biases, doubled)


class _CompiledStep(PyLayer):
    """A step whose gradients are also computed by compiled graphs."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor | None, step: ActivatedStep) -> Tensor:
        biases = [bias] if step.biased else []
        ctx.step = step
        ctx.constants = [part.stop_gradient for part in (x, weight, *biases)]
        result = _run_forward(x, (step,), [weight], biases)
        ctx.save_for_backward(x, weight, result)
        return result

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, result = ctx.saved_tensor()
        if ctx.step.activation is not None:
            gradient = gradient * SLOPES[ctx.step.activation](result)
        gradients_of = _eager_gradients if paddle.is_grad_enabled() else _compiled_gradients
        x_gradient, weight_gradient = gradients_of(ctx.step, x, weight, gradient)
        functions = x_gradient, weight_gradient, lambda: sum_over_images(gradient)
        return tuple(
            None if constant else function()
            for constant, function in zip(ctx.constants, functions, strict=False)  # perhaps no bias
        )


def _compiled_gradients(
    step: ActivatedStep, x: Tensor, weight: Tensor, gradient: Tensor
) -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
    """Functions that compute the gradients of x and of the weight."""
    kind = step.convolution
    if step.doubles:  # a transposed convolution: forward and backward swap places
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
    """The same as `_compiled_gradients`, but differentiable."""
    if step.doubles:
        raise NotImplementedError(
            "Paddle has no second derivative of transposed convolutions on a CPU"
        )
    _, stride, padding, dilation = step.convolution
    geometry = [stride] * 2, list(padding), "EXPLICIT", [dilation] * 2, 1, "NCHW"
    of_x, of_weight = paddle._C_ops.conv2d_grad(x, weight, gradient, *geometry)
    return lambda: of_x, lambda: of_weight
