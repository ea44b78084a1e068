# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Graphs of convolutions for a CPU, compiled for oneDNN.

A graph is compiled once for each kind of convolution and each direction, and takes tensors of any
size.

Letters: B batch, C channels, H W feature map, k filter size.
"""

import functools
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn
from paddle.static import InputSpec

from ppdeepfill.networks.kernels.graph_runs import Graph, can_give_back

_lock = threading.RLock()  # only one thread compiles at a time


class Convolution(NamedTuple):
    """The geometry of a convolution [B, C, H, W] -> [B, out, H', W'].

    Attributes:
        weight_shape: (out, C, k, k).
        stride: step between filter positions.
        padding: zeros at top, bottom, left, right.
        dilation: distance of the filter's taps.
    """

    weight_shape: tuple[int, int, int, int]
    stride: int
    padding: tuple[int, int, int, int]
    dilation: int

    @classmethod
    def of(cls, weight: Tensor, geometry: Mapping) -> "Convolution":
        """That of a step (`Step.geometry`); weight [out, C, k, k]."""
        shape, padding = tuple(weight.shape), tuple(geometry["padding"])
        return cls(shape, geometry["stride"], padding, geometry["dilation"])

    @classmethod
    def halving(cls, weight: Tensor) -> "Convolution":
        """The stride-2 convolution whose transpose upsamples by 2; weight [C, out, 4, 4]."""
        return cls(tuple(weight.shape), 2, (1, 1, 1, 1), 1)

    def result_size(self, height: int, width: int) -> tuple[int, int]:
        """(H', W')."""
        top, bottom, left, right = self.padding
        span = self.dilation * (self.weight_shape[2] - 1) + 1
        return (
            (height + top + bottom - span) // self.stride + 1,
            (width + left + right - span) // self.stride + 1,
        )


class ActivatedStep(NamedTuple):
    """A convolution or its transpose, and what comes after it.

    Attributes:
        convolution: if the step doubles the size, the convolution that halves it.
        doubles: use the transpose.
        biased: whether a bias is added.
        activation: applied to every value; None applies none.
    """

    convolution: Convolution
    doubles: bool
    biased: bool
    activation: Callable[[Tensor], Tensor] | None

    @property
    def channels(self) -> tuple[int, int]:
        """Number of channels of the input and of the result."""
        out, channels, *_ = self.convolution.weight_shape
        return (out, channels) if self.doubles else (channels, out)


class Forward(nn.Layer):
    """(x, weight) -> result."""

    inputs = ("x", "weight")

    def __init__(self, convolution: Convolution):
        super().__init__()
        self.convolution = convolution

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        # oneDNN keeps results in its own layout, and a graph must not return that.
        return paddle.assign(_convolve(x, weight, self.convolution))


class InputGradient(Forward):
    """(x, weight, gradient of the result) -> gradient of x. Only the shape of x matters."""

    inputs = ("x", "weight", "gradient")

    def forward(self, x: Tensor, weight: Tensor, gradient: Tensor) -> Tensor:
        return paddle.assign(_input_gradient(x, weight, gradient, self.convolution))


class WeightGradient(Forward):
    """(x, weight, gradient of the result) -> gradient of the weight."""

    inputs = ("x", "weight", "gradient")

    def forward(self, x: Tensor, weight: Tensor, gradient: Tensor) -> Tensor:
        weight.stop_gradient = False
        result = _convolve(x, weight, self.convolution)
        return paddle.assign(paddle.static.gradients([result], [weight], [gradient])[0])


class Steps(nn.Layer):
    """(x, weights, biases [1, out, 1, 1], tensors shaped like the doubled maps) -> result.

    There is a bias for each step that adds one.
    """

    def __init__(self, steps: Sequence[ActivatedStep]):
        super().__init__()
        self.steps = steps

    def forward(self, x: Tensor, weights: list, biases: list, doubled: list) -> Tensor:
        biases, doubled = list(biases), list(doubled)
        for number, step in enumerate(self.steps):
            if step.doubles:
                x = _input_gradient(doubled.pop(0), weights[number], x, step.convolution)
            else:
                x = _convolve(x, weights[number], step.convolution)
            if step.biased:
                x = x + biases.pop(0)
            if step.activation is not None:
                x = step.activation(x)
        return paddle.assign(x)


class Product(nn.Layer):
    """(x, y) -> their product, see `product.product`."""

    def __init__(self, transpose_x: bool, transpose_y: bool):
        super().__init__()
        self.transposed = transpose_x, transpose_y

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return paddle.assign(paddle.matmul(x, y, *self.transposed))


@functools.cache
def compiled(graph: type[Forward], convolution: Convolution) -> Graph:
    """The compiled graph for tensors of any size."""
    out, channels, *_ = convolution.weight_shape
    shapes = {
        "x": [None, channels, None, None],
        "weight": convolution.weight_shape,
        "gradient": [None, out, None, None],
    }
    return _compile(graph(convolution), [_spec(shapes[name]) for name in graph.inputs])


@functools.cache
def compiled_steps(steps: tuple[ActivatedStep, ...]) -> Graph:
    """`Steps` compiled for tensors of any size."""
    first, _ = steps[0].channels
    specs = [
        _spec([None, first, None, None]),
        [_spec(step.convolution.weight_shape) for step in steps],
        [_spec([1, step.channels[1], 1, 1]) for step in steps if step.biased],
        [_spec([None, step.channels[1], None, None]) for step in steps if step.doubles],
    ]
    return _compile(Steps(steps), specs)


@functools.cache
def compiled_product(transpose_x: bool, transpose_y: bool) -> Graph:
    """`Product` for matrices [B, N, M] of all sizes."""
    specs = [_spec([None, None, None]) for _ in "xy"]
    return _compile(Product(transpose_x, transpose_y), specs)


@functools.cache
def paddle_suits() -> bool:
    """Whether this Paddle gains by compiling: version 2 starts extra threads for each graph."""
    return not paddle.__version__.startswith("2.") and can_give_back()


def _convolve(x: Tensor, weight: Tensor, kind: Convolution) -> Tensor:
    return F.conv2d(x, weight, None, kind.stride, list(kind.padding), kind.dilation)


def _input_gradient(x: Tensor, weight: Tensor, gradient: Tensor, kind: Convolution) -> Tensor:
    x.stop_gradient = False
    return paddle.static.gradients([_convolve(x, weight, kind)], [x], [gradient])[0]


def _spec(shape: Sequence[int | None]) -> InputSpec:
    return InputSpec(list(shape), "float32", stop_gradient=True)


def _compile(layer: nn.Layer, specs: list) -> Graph:
    with _lock, paddle.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Paddle warns about places
        layer = paddle.jit.to_static(layer, input_spec=specs, full_graph=True)
        layer.eval()  # otherwise Paddle builds a backward graph
        program, run = layer.forward.get_concrete_program(*specs, is_train=False)
        run.training = False
        _remove_unused_convolutions(program.main_program)
    return Graph(program.main_program, run)


def _remove_unused_convolutions(program) -> None:
    """Remove the convolutions that were needed only to define a gradient."""
    block = program.global_block()
    for operator in block.ops:
        if operator.name() == "pd_op.conv2d" and operator.result(0).use_empty():
            block.remove_op(operator)
