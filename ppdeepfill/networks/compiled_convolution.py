# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Convolution on a CPU by a compiled graph, which may use oneDNN where eager Paddle may not.

Paddle's eager kernel copies the k x k neighbourhood of every position before it multiplies. That of
oneDNN needs no copy and is 1.5 to 4 times as fast, in either direction. A graph is compiled for
each kind of convolution and serves images of all sizes.

Letters: B batch, C channels, H W feature map, k filter size.
"""

import functools
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn
from paddle.autograd import PyLayer
from paddle.static import InputSpec

ONEDNN = "FLAGS_use_onednn"

_lock = threading.RLock()  # one thread at a time: graphs and the flag are shared


def compiles(x: Tensor) -> bool:
    """Whether `convolve` may take x: float32 on a CPU, computed now, by a Paddle that suits.

    Paddle 2 starts threads of its own for each graph and gains nothing.
    """
    return (
        paddle.in_dynamic_mode()
        and x.place.is_cpu_place()
        and x.dtype == paddle.float32
        and _paddle_suits()
    )


def convolve(
    x: Tensor, weight: Tensor, *, stride: int, padding: Sequence[int], dilation: int
) -> Tensor:
    """`F.conv2d` without bias, for what `compiles`.

    Gradients of higher order are those of Paddle's own kernels. Paddle's limit for such functions:
    `paddle.grad` has to be asked for the gradients of x and weight both, where both accept some.

    Args:
        x: [B, C, H, W].
        weight: [out, C, k, k].
        stride: step between filter positions.
        padding: zeros at top, bottom, left, right.
        dilation: distance of the filter's taps.
    """
    kind = _Kind(tuple(weight.shape), stride, tuple(padding), dilation)
    return _CompiledConvolution.apply(x, weight, kind)


class _Kind(NamedTuple):
    """What a graph is compiled for."""

    weight_shape: tuple[int, int, int, int]
    stride: int
    padding: tuple[int, int, int, int]
    dilation: int


class _CompiledConvolution(PyLayer):
    """`F.conv2d`, whose gradients are computed by compiled graphs too."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, kind: _Kind) -> Tensor:
        ctx.kind = kind
        ctx.constant = x.stop_gradient, weight.stop_gradient
        ctx.save_for_backward(x, weight)
        return _run(_Forward, kind, x, weight)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensor()
        if paddle.is_grad_enabled():  # the gradient is to be differentiated
            return _eager_gradients(ctx.kind, x, weight, gradient)
        graphs = zip((_InputGradient, _WeightGradient), ctx.constant, strict=True)
        return tuple(
            None if constant else _run(graph, ctx.kind, x, weight, gradient)
            for graph, constant in graphs
        )


def _eager_gradients(kind: _Kind, x: Tensor, weight: Tensor, gradient: Tensor) -> tuple:
    """The gradients of both, as functions of all three."""
    geometry = [kind.stride] * 2, list(kind.padding), "EXPLICIT", [kind.dilation] * 2, 1, "NCHW"
    gradients = paddle._C_ops.conv2d_grad(x, weight, gradient, *geometry)
    return tuple(
        None if tensor.stop_gradient else result
        for tensor, result in zip((x, weight), gradients, strict=True)
    )


class _Forward(nn.Layer):
    """(x, weight) -> result."""

    def __init__(self, kind: _Kind):
        super().__init__()
        self.strides = [kind.stride] * 2
        self.padding = list(kind.padding)
        self.dilations = [kind.dilation] * 2

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        # oneDNN keeps results in a layout of its own; a graph must not end in it.
        return paddle.assign(self.convolve(x, weight))

    def convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.conv2d(x, weight, None, self.strides, self.padding, self.dilations)


class _InputGradient(_Forward):
    """(x, weight, gradient of the result) -> gradient of x."""

    def forward(self, x: Tensor, weight: Tensor, gradient: Tensor) -> Tensor:
        x.stop_gradient = False
        result = self.convolve(x, weight)
        return paddle.assign(paddle.static.gradients([result], [x], [gradient])[0])


class _WeightGradient(_Forward):
    """(x, weight, gradient of the result) -> gradient of the weight."""

    def forward(self, x: Tensor, weight: Tensor, gradient: Tensor) -> Tensor:
        weight.stop_gradient = False
        result = self.convolve(x, weight)
        return paddle.assign(paddle.static.gradients([result], [weight], [gradient])[0])


def _run(graph: type[_Forward], kind: _Kind, *tensors: Tensor) -> Tensor:
    # Without gradients the graph would be traced anew, and know none.
    with _lock, paddle.enable_grad(), _onednn():
        return _compiled(graph, kind)(*(tensor.detach() for tensor in tensors))


@functools.cache
def _compiled(graph: type[_Forward], kind: _Kind) -> nn.Layer:
    """The graph, for tensors of all sizes."""
    out, channels, *_ = kind.weight_shape
    shapes = [None, channels, None, None], kind.weight_shape, [None, out, None, None]
    if graph is _Forward:
        shapes = shapes[:2]
    specs = [InputSpec(list(shape), "float32", stop_gradient=True) for shape in shapes]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Paddle's own, about places
        layer = paddle.jit.to_static(graph(kind), input_spec=specs, full_graph=True)
        layer.eval()  # or it would get a backward graph of its own
        _remove_unused_convolutions(layer.forward.concrete_program.main_program)
    return layer


def _remove_unused_convolutions(program) -> None:
    """Remove from a graph what only served to ask for a gradient."""
    block = program.global_block()
    for operator in block.ops:
        if operator.name() == "pd_op.conv2d" and operator.result(0).use_empty():
            block.remove_op(operator)


@contextmanager
def _onednn() -> Iterator[None]:
    """While entered, compiled graphs use oneDNN. Others of this process may not be made for it."""
    before = paddle.get_flags(ONEDNN)
    paddle.set_flags({ONEDNN: True})
    try:
        yield
    finally:
        paddle.set_flags(before)


@functools.cache
def _paddle_suits() -> bool:
    if paddle.__version__.startswith("2."):
        return False
    try:
        paddle.get_flags(ONEDNN)
    except ValueError:  # a Paddle without oneDNN
        return False
    return hasattr(paddle._C_ops, "conv2d_grad")
