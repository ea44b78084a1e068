# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Compiled convolutions against Paddle's own."""

import functools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from paddle import nn

from ppdeepfill.networks.activations import SLOPES, clip_to_image, leaky_relu
from ppdeepfill.networks.kernels import compiled_graphs
from ppdeepfill.networks.kernels.compiled_convolution import SMALLEST, compiles, run_step
from ppdeepfill.networks.kernels.graph_runs import ONEDNN
from ppdeepfill.networks.kernels.step import Step
from ppdeepfill.networks.layers import ConvBlock, ConvSequence, UpsampledConvBlock

pytestmark = pytest.mark.skipif(
    not compiles(paddle.zeros([SMALLEST])), reason="this Paddle computes convolutions eagerly only"
)


@pytest.fixture(autouse=True)
def small_maps_too(monkeypatch):
    monkeypatch.setattr("ppdeepfill.networks.kernels.compiled_convolution.SMALLEST", 1)


# filter size, in, out, and the geometry
KINDS = {
    "3x3": (3, 6, 8, {"stride": 1, "padding": [1, 1, 1, 1], "dilation": 1}),
    "5x5 of an image": (5, 5, 16, {"stride": 1, "padding": [2, 2, 2, 2], "dilation": 1}),
    "to an image": (3, 16, 3, {"stride": 1, "padding": [1, 1, 1, 1], "dilation": 1}),
    "halving": (3, 4, 4, {"stride": 2, "padding": [0, 1, 0, 1], "dilation": 1}),
    "critic": (5, 3, 8, {"stride": 2, "padding": [1, 2, 1, 2], "dilation": 1}),
    "dilated": (3, 8, 8, {"stride": 1, "padding": [16, 16, 16, 16], "dilation": 16}),
}
CONSTANT = {"neither": (False, False), "input": (True, False), "weight": (False, True)}


def convolve(x, weight, bias=None, **geometry):
    return run_step(x, Step(weight, geometry, bias))


def convolve_transposed(x, weight, bias=None):
    return run_step(x, Step(weight, None, bias))


def tensors(rng, kind, size=(10, 14), constant=(False, False)):
    side, channels, out, geometry = KINDS[kind]
    shapes = [3, channels, *size], [out, channels, side, side]
    x, weight = (paddle.to_tensor(rng.standard_normal(s).astype(np.float32)) for s in shapes)
    x.stop_gradient, weight.stop_gradient = constant
    return x, weight, geometry


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("constant", list(CONSTANT))
def test_results_and_gradients_equal_paddles(kind, constant, rng):
    x, weight, geometry = tensors(rng, kind, constant=CONSTANT[constant])
    results = []
    for function in (F.conv2d, convolve):
        result = function(x, weight, **geometry)
        (result * result).sum().backward()
        results.append(
            [result.numpy(), *(None if t.grad is None else t.grad.numpy() for t in (x, weight))]
        )
        x.clear_gradient(), weight.clear_gradient()
    for expected, ours in zip(*results, strict=True):
        if expected is None:
            assert ours is None
        else:
            np.testing.assert_allclose(ours, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("transposed", [False, True])
def test_a_bias_is_added_and_gets_its_gradient(transposed, rng):
    x, weight, geometry = tensors(rng, "3x3")
    function, ours = (
        functools.partial(F.conv2d, **geometry),
        functools.partial(convolve, **geometry),
    )
    if transposed:
        weight = paddle.to_tensor(rng.standard_normal([6, 4, 4, 4]), "float32", stop_gradient=False)
        function = functools.partial(F.conv2d_transpose, stride=2, padding=1)
        ours = convolve_transposed
    bias = rng.standard_normal(4 if transposed else 8).astype(np.float32)
    bias = paddle.to_tensor(bias, stop_gradient=False)
    results = []
    for convolution in (function, ours):
        result = convolution(x, weight, bias)
        results.append([result, *paddle.grad((result**3).sum(), [x, weight, bias])])
    for expected, own in zip(*results, strict=True):
        tolerance = 1e-5 * float(expected.abs().max())
        np.testing.assert_allclose(own.numpy(), expected.numpy(), atol=tolerance)


@pytest.mark.parametrize("activation", list(SLOPES))
@pytest.mark.parametrize("doubles", [False, True])
def test_activated_steps_equal_paddles_and_have_their_gradients(activation, doubles, rng):
    x = paddle.to_tensor(rng.standard_normal([2, 6, 7, 9]), "float32", stop_gradient=False)
    shape = [6, 4, 4, 4] if doubles else [4, 6, 3, 3]
    weight = paddle.to_tensor(0.3 * rng.standard_normal(shape), "float32", stop_gradient=False)
    bias = paddle.to_tensor(rng.standard_normal(4), "float32", stop_gradient=False)
    geometry = None if doubles else {"stride": 1, "padding": [1] * 4, "dilation": 1}
    plain = functools.partial(F.conv2d_transpose, stride=2) if doubles else F.conv2d
    expected = activation(plain(x, weight, bias, padding=1))
    ours = run_step(x, Step(weight, geometry, bias, activation))
    np.testing.assert_allclose(ours.numpy(), expected.numpy(), atol=1e-5)
    gradient = paddle.to_tensor(rng.standard_normal(ours.shape), "float32")
    for own, theirs in zip(
        *(paddle.grad(y, [x, weight, bias], gradient) for y in (ours, expected)), strict=True
    ):
        tolerance = 1e-5 * float(theirs.abs().max())
        np.testing.assert_allclose(own.numpy(), theirs.numpy(), atol=tolerance)


@pytest.mark.parametrize("activation", [F.elu, leaky_relu, clip_to_image])
def test_activated_steps_have_second_derivatives(activation, rng):
    x, weight, geometry = tensors(rng, "3x3")
    results = []
    for result in (
        activation(F.conv2d(x, weight, **geometry)),
        run_step(x, Step(weight, geometry, None, activation)),
    ):
        gradients = paddle.grad((result**3).sum(), [x, weight], create_graph=True)
        squares = sum((gradient * gradient).sum() for gradient in gradients)
        results.append(paddle.grad(squares, [x, weight]))
    for expected, ours in zip(*results, strict=True):
        tolerance = 1e-4 * float(expected.abs().max())
        np.testing.assert_allclose(ours.numpy(), expected.numpy(), atol=tolerance)


def test_one_graph_serves_all_sizes_and_batches(rng):
    for size in [(10, 14), (33, 7), (3, 3)]:
        x, weight, geometry = tensors(rng, "3x3", size)
        together = convolve(x, weight, **geometry).numpy()
        np.testing.assert_allclose(
            together, F.conv2d(x, weight, **geometry).numpy(), atol=1e-5 * np.abs(together).max()
        )
        for number in range(3):
            alone = convolve(x[number : number + 1], weight, **geometry).numpy()[0]
            np.testing.assert_allclose(alone, together[number], atol=1e-5)


def test_a_graph_may_be_used_again_before_it_is_differentiated(rng):
    x, weight, geometry = tensors(rng, "3x3")
    square = [weight, paddle.to_tensor(rng.standard_normal([6, 8, 3, 3]).astype(np.float32))]
    gradients = []
    for function in (F.conv2d, convolve):
        y = x
        for number in range(4):
            y = function(y, square[number % 2], **geometry)
        gradients.append(paddle.grad(y.sum(), [x, weight]))
    for expected, ours in zip(*gradients, strict=True):
        np.testing.assert_allclose(
            ours.numpy(), expected.numpy(), atol=1e-5 * float(expected.abs().max())
        )


def test_without_gradients_none_are_kept(rng):
    x, weight, geometry = tensors(rng, "halving")
    with paddle.no_grad():
        result = convolve(x, weight, **geometry)
    assert result.stop_gradient
    np.testing.assert_array_equal(result.numpy(), convolve(x, weight, **geometry).numpy())


def test_a_weight_that_changes_is_seen(rng):
    x, weight, geometry = tensors(rng, "3x3")
    before = convolve(x, weight, **geometry).numpy()
    weight.set_value(2.0 * weight)
    np.testing.assert_allclose(convolve(x, weight, **geometry).numpy(), 2.0 * before, rtol=1e-6)


def test_other_graphs_of_the_process_are_left_alone(rng):
    x, weight, geometry = tensors(rng, "3x3")
    before = paddle.get_flags(ONEDNN)
    convolve(x, weight, **geometry).sum().backward()
    assert paddle.get_flags(ONEDNN) == before


def test_threads_get_their_own_results(rng):
    inputs = [tensors(rng, "3x3", (8 + n % 5, 9)) for n in range(40)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda args: convolve(*args[:2], **args[2]).numpy(), inputs))
    for (x, weight, geometry), ours in zip(inputs, results, strict=True):
        expected = F.conv2d(x, weight, **geometry).numpy()
        np.testing.assert_allclose(ours, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_other_types_are_for_paddle(dtype):
    assert not compiles(paddle.zeros([8], dtype))


@pytest.mark.parametrize("kind", list(KINDS))
def test_second_derivatives_equal_paddles(kind, rng):
    x, weight, geometry = tensors(rng, kind)
    results = []
    for function in (F.conv2d, convolve):
        result = function(x, weight, **geometry)
        gradients = paddle.grad((result**3).sum(), [x, weight], create_graph=True)
        sum((gradient * gradient).sum() for gradient in gradients).backward()
        results.append([x.grad.numpy(), weight.grad.numpy()])
        x.clear_gradient(), weight.clear_gradient()
    for expected, ours in zip(*results, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-4 * np.abs(expected).max())


def test_what_only_asked_for_a_gradient_is_removed(rng):
    _, weight, _ = tensors(rng, "3x3")
    kind = compiled_graphs.Convolution(tuple(weight.shape), 1, (1, 1, 1, 1), 1)
    for graph in (compiled_graphs.InputGradient, compiled_graphs.WeightGradient):
        program = compiled_graphs.compiled(graph, kind).program
        names = [operator.name() for operator in program.global_block().ops]
        assert names.count("pd_op.conv2d") == 0
        assert names.count("pd_op.conv2d_grad") == 1


@pytest.mark.parametrize("constant", list(CONSTANT))
def test_transposed_results_and_gradients_equal_paddles(constant, rng):
    x = paddle.to_tensor(rng.standard_normal([2, 6, 5, 7]).astype(np.float32))
    weight = paddle.to_tensor(rng.standard_normal([6, 4, 4, 4]).astype(np.float32))
    x.stop_gradient, weight.stop_gradient = CONSTANT[constant]
    wanted = [tensor for tensor in (x, weight) if not tensor.stop_gradient]
    results = []
    for function in (
        functools.partial(F.conv2d_transpose, stride=2, padding=1),
        convolve_transposed,
    ):
        result = function(x, weight)
        gradients = paddle.grad((result**3).sum(), wanted)
        results.append([result, *gradients])
    for expected, ours in zip(*results, strict=True):
        np.testing.assert_allclose(
            ours.numpy(), expected.numpy(), atol=1e-4 * float(expected.abs().max())
        )


def test_a_missing_second_derivative_is_said(rng):
    x, weight = paddle.ones([1, 3, 4, 4]), paddle.ones([3, 2, 4, 4])
    x.stop_gradient = weight.stop_gradient = False
    with pytest.raises(Exception, match="no second derivative"):
        paddle.grad(convolve_transposed(x, weight).sum(), [x, weight], create_graph=True)


def test_steps_in_one_graph_equal_steps_alone(rng):
    blocks = ConvSequence(
        ConvBlock(5, 8, 5),
        ConvBlock(8, 8, stride=2),
        ConvBlock(8, 6, dilation=4, activation=F.relu),
        UpsampledConvBlock(6, 4),
        UpsampledConvBlock(4, 4),
        ConvBlock(4, 3, activation=None),
    )
    for block in blocks:
        block.conv.bias.set_value(rng.standard_normal(block.conv.bias.shape).astype(np.float32))
    for size in [(12, 16), (10, 30)]:
        x = paddle.to_tensor(rng.standard_normal([2, 5, *size]).astype(np.float32))
        expected = blocks(x)
        assert not expected.stop_gradient
        with paddle.no_grad():
            ours = blocks(x)
        assert ours.stop_gradient and ours.shape == [2, 3, 2 * size[0], 2 * size[1]]
        np.testing.assert_allclose(ours.numpy(), expected.numpy(), atol=1e-5)


def test_small_maps_are_for_paddle(monkeypatch):
    monkeypatch.setattr("ppdeepfill.networks.kernels.compiled_convolution.SMALLEST", 8)
    assert compiles(paddle.zeros([8])) and not compiles(paddle.zeros([7]))


def test_a_small_map_compiles_if_its_convolution_is_much_work(monkeypatch):
    monkeypatch.setattr("ppdeepfill.networks.kernels.compiled_convolution.SMALLEST", SMALLEST)
    x, narrow, wide = paddle.zeros([1, 256, 8, 8]), nn.Conv2D(256, 8, 3), nn.Conv2D(256, 512, 3)
    assert x.size < SMALLEST
    steps = [Step(conv.weight, {"stride": 1}) for conv in (narrow, wide)]
    assert [step.work(x) for step in steps] == [64 * 9 * 256 * out for out in (8, 512)]
    assert [compiles(x, step) for step in steps] == [False, True]
