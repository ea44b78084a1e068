# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Compiled products of matrices against Paddle's own."""

import itertools

import numpy as np
import paddle
import pytest

from ppdeepfill.networks.kernels.compiled_convolution import SMALLEST, compiles, eagerly
from ppdeepfill.networks.kernels.product import product

pytestmark = pytest.mark.skipif(
    not compiles(paddle.zeros([SMALLEST])), reason="this Paddle multiplies eagerly only"
)
TRANSPOSED = list(itertools.product([False, True], repeat=2))


@pytest.fixture(autouse=True)
def small_matrices_too(monkeypatch):
    monkeypatch.setattr("ppdeepfill.networks.kernels.compiled_convolution.SMALLEST", 1)


def factors(rng, transpose_x, transpose_y, batch=2):
    shapes = [batch, 5, 7], [batch, 7, 4]
    for shape, transposed in zip(shapes, (transpose_x, transpose_y), strict=True):
        if transposed:
            shape[1:] = shape[:0:-1]
        x = paddle.to_tensor(rng.standard_normal(shape).astype(np.float32))
        x.stop_gradient = False
        yield x


def close(ours, theirs):
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("transpose_x", "transpose_y"), TRANSPOSED)
def test_products_and_gradients_equal_paddles(transpose_x, transpose_y, rng):
    x, y = factors(rng, transpose_x, transpose_y)
    ours = product(x, y, transpose_x=transpose_x, transpose_y=transpose_y)
    theirs = paddle.matmul(x, y, transpose_x, transpose_y)
    close(ours, theirs)
    weights = paddle.to_tensor(rng.standard_normal(ours.shape).astype(np.float32))
    for one, other in zip(
        paddle.grad((ours * weights).sum(), [x, y]),
        paddle.grad((theirs * weights).sum(), [x, y]),
        strict=True,
    ):
        close(one, other)


@pytest.mark.parametrize("constant", [0, 1])
def test_a_constant_factor_gets_no_gradient(constant, rng):
    pair = list(factors(rng, False, True))
    pair[constant].stop_gradient = True
    product(*pair, transpose_y=True).sum().backward()
    assert pair[constant].grad is None
    assert pair[1 - constant].grad is not None


def test_gradients_can_be_differentiated(rng):
    x, y = factors(rng, True, False)
    seconds = []
    for multiply in (lambda: product(x, y, transpose_x=True), lambda: paddle.matmul(x, y, True)):
        first = paddle.grad((multiply() ** 2).sum(), [x, y], create_graph=True)
        seconds.append(paddle.grad(sum((g**2).sum() for g in first), [x, y]))
    for ours, theirs in zip(*seconds, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-4, atol=1e-3)


def test_the_batch_equals_its_products(rng):
    x, y = factors(rng, False, False, batch=3)
    whole = product(x, y)
    for i in range(3):
        close(whole[i : i + 1], product(x[i : i + 1], y[i : i + 1]))


def test_eagerly_takes_paddles_kernel(rng):
    x, y = factors(rng, False, False)
    with eagerly():
        np.testing.assert_array_equal(product(x, y).numpy(), paddle.matmul(x, y).numpy())
