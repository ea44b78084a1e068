# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Batch normalisation as a part of filters and biases equals the normalisation itself."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from paddle import nn

from ppdeepfill.networks import build_network, kernels
from ppdeepfill.networks.glcic import NormalisedConv
from ppdeepfill.networks.kernels import eagerly


def randomised(norm: nn.BatchNorm2D, rng) -> None:
    for tensor in (norm.weight, norm.bias, norm._mean):
        tensor.set_value(rng.normal(size=tensor.shape).astype(np.float32))
    norm._variance.set_value(rng.uniform(0.5, 2.0, norm._variance.shape).astype(np.float32))


@pytest.mark.parametrize("bias", [None, False], ids=["bias", "no bias"])
def test_a_sequence_with_fixed_statistics_equals_its_blocks(rng, bias):
    convolutions = [
        nn.Conv2D(3, 8, 5, stride=2, padding=[2] * 4, bias_attr=bias),
        nn.Conv2D(8, 6, 3, padding=[4] * 4, dilation=4, bias_attr=bias),
        nn.Conv2DTranspose(6, 4, 4, stride=2, padding=1, bias_attr=bias),
    ]
    blocks = [
        NormalisedConv(x, out, "norm_relu") for x, out in zip(convolutions, (8, 6, 4), strict=True)
    ]
    for block in blocks:
        randomised(block.norm, rng)
        block.eval()
    sequence = nn.Sequential(*blocks)
    x = paddle.to_tensor(rng.normal(size=(2, 3, 128, 160)).astype(np.float32))
    expected = x
    for block in blocks:
        expected = F.relu(block.norm(block.conv(expected)))
    with paddle.no_grad():
        ours = kernels.convolve_in_sequence(x, [sequence])
        np.testing.assert_allclose(ours.numpy(), expected.numpy(), atol=2e-5)
        with eagerly():
            ours = kernels.convolve_in_sequence(x, [sequence])
    np.testing.assert_allclose(ours.numpy(), expected.numpy(), atol=2e-5)


def test_statistics_of_a_batch_move_in_training(rng):
    network = build_network("glcic", base_channels=2)
    before = network.encoder[0].norm._mean.numpy().copy()
    with paddle.no_grad():
        network(paddle.rand([1, 3, 128, 160]), paddle.zeros([1, 1, 128, 160]))
    assert (network.encoder[0].norm._mean.numpy() != before).any()


@pytest.mark.parametrize("order", ["norm_relu", "relu_norm"])
def test_either_order_equals_eager_layers(rng, order):
    network = build_network("glcic", base_channels=4, order=order)
    for layer in network.sublayers():
        if isinstance(layer, nn.BatchNorm2D):
            randomised(layer, rng)
    network.eval()
    image = paddle.to_tensor(rng.uniform(-1, 1, (1, 3, 160, 128)).astype(np.float32))
    mask = paddle.zeros([1, 1, 160, 128])
    mask[:, :, 20:90, 30:100] = 1.0
    with paddle.no_grad():
        compiled = network(image * (1.0 - mask), mask).refined
        with eagerly():
            eager = network(image * (1.0 - mask), mask).refined
    np.testing.assert_allclose(compiled.numpy(), eager.numpy(), atol=2e-5)
