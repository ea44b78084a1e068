# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The convolution block against the authors', and its initialisation."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
import reference

from ppdeepfill.networks.layers import ConvBlock, UpsampledConvBlock
from ppdeepfill.weights.generator_file import load_weights

# name of the stored case: kernel size, stride, dilation, activation, whether the size is given
CASES = {
    "conv_k3s1": (3, 1, 1, F.elu, False),
    "conv_k5s1": (5, 1, 1, F.elu, False),
    "conv_k3s2_even": (3, 2, 1, F.elu, False),
    "conv_k3s2_odd": (3, 2, 1, F.elu, True),
    "conv_k3_rate2": (3, 1, 2, F.elu, False),
    "conv_k3_rate16": (3, 1, 16, F.elu, False),
    "conv_k3s1_none": (3, 1, 1, None, False),
    "conv_k3s1_relu": (3, 1, 1, F.relu, False),
    "dis_conv_even": (5, 2, 1, lambda x: F.leaky_relu(x, 0.2), False),
    "dis_conv_odd": (5, 2, 1, lambda x: F.leaky_relu(x, 0.2), True),
}


@pytest.mark.parametrize("case", list(CASES))
def test_convolution_agrees_with_authors(golden_dir, case):
    arrays = np.load(golden_dir / "tensorflow" / "ops_tf.npz")
    x, expected = (arrays[f"{case}.{name}"].transpose(0, 3, 1, 2) for name in "xy")
    kernel, bias = arrays[f"{case}.c/kernel"], arrays[f"{case}.c/bias"]
    kernel_size, stride, dilation, activation, sized = CASES[case]
    block = ConvBlock(
        x.shape[1],
        expected.shape[1],
        kernel_size,
        stride=stride,
        dilation=dilation,
        activation=activation,
        input_size=x.shape[2:] if sized else None,
    )
    weights = {"conv.weight": kernel.transpose(3, 2, 0, 1).copy(), "conv.bias": bias}
    load_weights(block, weights, source=case)
    assert reference.relative_error(block(paddle.to_tensor(x.copy())), expected) < 1e-5


@pytest.mark.parametrize("training", [True, False])
def test_convolution_of_the_upsampled_equals_upsampling_first(rng, training):
    x = paddle.to_tensor(rng.standard_normal((2, 6, 4, 5)).astype(np.float32), stop_gradient=False)
    weights = paddle.to_tensor(rng.standard_normal((2, 4, 8, 10)).astype(np.float32))
    plain, block = ConvBlock(6, 4), UpsampledConvBlock(6, 4)
    block.set_state_dict(plain.state_dict())
    gradients = []
    results = []
    for layer, seen in ((plain, upsampled(x)), (block, x)):
        layer.train() if training else layer.eval()
        results.append(layer(seen))
        (results[-1] * weights).sum().backward()
        gradients.append([x.grad.numpy(), *(p.grad.numpy() for p in layer.parameters())])
        x.clear_gradient()
    np.testing.assert_allclose(results[1].numpy(), results[0].numpy(), atol=2e-6)
    for expected, ours in zip(*gradients, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)


def upsampled(x: paddle.Tensor) -> paddle.Tensor:
    return x.repeat_interleave(2, axis=2).repeat_interleave(2, axis=3)


def test_initialisation_follows_the_reference():
    authors, port = (ConvBlock(64, 32, reference=r) for r in ("tensorflow", "torch"))
    glorot = np.sqrt(6.0 / (9 * (64 + 32)))
    kaiming = 1.0 / np.sqrt(9 * 64)
    for block, bound in ((authors, glorot), (port, kaiming)):
        weight = block.conv.weight.numpy()
        assert 0.98 * bound < np.abs(weight).max() <= bound
        assert weight.std() == pytest.approx(bound / np.sqrt(3.0), rel=0.02)
    assert not authors.conv.bias.numpy().any()
    assert 0.5 * kaiming < np.abs(port.conv.bias.numpy()).max() <= kaiming
