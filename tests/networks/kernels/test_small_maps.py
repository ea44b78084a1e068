# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Convolutions of small maps as products equal Paddle's, and replace them only where they may."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from paddle import nn

from ppdeepfill.networks.kernels import convolution, convolve_without_bias, eagerly, small_maps
from ppdeepfill.networks.kernels.compiled_convolution import SMALLEST, compiles
from ppdeepfill.networks.kernels.step import Step


@pytest.mark.parametrize("padding", [[1, 1, 1, 1], [0, 2, 1, 3]], ids=["even", "uneven"])
@pytest.mark.parametrize(("size", "stride", "dilation"), [(3, 1, 1), (3, 1, 2), (4, 2, 1)])
def test_a_product_equals_the_convolution(rng, padding, size, stride, dilation):
    conv = nn.Conv2D(3, 5, size, stride, padding, dilation, bias_attr=False)
    x = paddle.to_tensor(rng.standard_normal([1, 3, 9, 8]).astype(np.float32))
    ours = small_maps.convolve_as_product(x, Step.of(conv))
    expected = F.conv2d(x, conv.weight, None, stride, padding, dilation)
    np.testing.assert_allclose(ours.numpy(), expected.numpy(), atol=1e-5)


@pytest.mark.skipif(
    not compiles(paddle.zeros([SMALLEST])), reason="this Paddle computes convolutions eagerly only"
)
@pytest.mark.parametrize(
    ("images", "side", "gradients", "chosen"),
    [
        (1, 8, False, True),
        (2, 8, False, False),
        (1, 16, False, False),
        (1, 8, True, False),
    ],
    ids=["one small map", "two images", "a larger map", "with gradients"],
)
def test_it_replaces_the_convolution_of_one_small_map(
    rng, monkeypatch, images, side, gradients, chosen
):
    calls = []

    def as_product(x, step):
        calls.append(x.shape)
        return small_maps.convolve_as_product(x, step)

    monkeypatch.setattr(convolution, "convolve_as_product", as_product)
    conv = nn.Conv2D(512, 256, 3, padding=[2] * 4, dilation=2, bias_attr=False)
    x = paddle.to_tensor(rng.standard_normal([images, 512, side, side]).astype(np.float32))
    with paddle.set_grad_enabled(gradients):
        ours = convolve_without_bias(x, conv)
        with eagerly():
            expected = convolve_without_bias(x, conv)
    assert len(calls) == chosen
    np.testing.assert_allclose(ours.numpy(), expected.numpy(), atol=1e-4)  # of values up to 10
