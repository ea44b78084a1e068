# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Whichever kernel computes a convolution, the numbers are Paddle's."""

from contextlib import nullcontext

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from paddle import nn

from ppdeepfill.networks.activations import SLOPES
from ppdeepfill.networks.kernels import convolve, convolve_without_bias, eagerly


@pytest.fixture(params=["compiled", "eager", "watched"])
def convolution(request, monkeypatch):
    """A convolution with a bias, to be computed by each kind of kernel."""
    monkeypatch.setattr("ppdeepfill.networks.kernels.compiled_convolution.SMALLEST", 1)
    conv = nn.Conv2D(3, 4, 3, padding=[1, 1, 1, 1], bias_attr=nn.initializer.Uniform())
    if request.param == "watched":
        conv.register_forward_post_hook(lambda *_: None)
    with eagerly() if request.param == "eager" else nullcontext():
        yield conv


@pytest.mark.parametrize("upsampling", [1, 2])
@pytest.mark.parametrize("activation", [None, *SLOPES, F.softplus])
@pytest.mark.parametrize("gradients", [False, True])
def test_a_convolution_is_paddles(convolution, activation, upsampling, gradients, rng):
    x = paddle.to_tensor(rng.standard_normal([2, 3, 9, 7]).astype(np.float32))
    with paddle.set_grad_enabled(gradients):
        ours = convolve(x, convolution, activation, upsampling=upsampling)
    x = x.repeat_interleave(upsampling, axis=2).repeat_interleave(upsampling, axis=3)
    expected = F.conv2d(x, convolution.weight, convolution.bias, padding=1)
    expected = expected if activation is None else activation(expected)
    np.testing.assert_allclose(ours.numpy(), expected.numpy(), atol=1e-5)
    assert ours.stop_gradient is not gradients


def test_the_linear_part_is_without_bias(convolution, rng):
    x = paddle.to_tensor(rng.standard_normal([2, 3, 9, 7]).astype(np.float32))
    ours = convolve_without_bias(x, convolution)
    expected = F.conv2d(x, convolution.weight, padding=1)
    np.testing.assert_allclose(ours.numpy(), expected.numpy(), atol=1e-5)
