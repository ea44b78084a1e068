# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Convolutions in bands of rows."""

import numpy as np
import paddle
import pytest

from ppdeepfill.networks.kernels import eagerly
from ppdeepfill.networks.kernels.bands import convolve_in_bands
from ppdeepfill.networks.kernels.step import Step
from ppdeepfill.networks.layers import ConvBlock, UpsampledConvBlock


@pytest.mark.parametrize("borders", ["tensorflow", "torch"])
@pytest.mark.parametrize(
    "size, options",
    [
        ((11, 9), {}),
        ((10, 8), {"stride": 2}),
        ((12, 6), {"stride": 2, "kernel_size": 5}),
        ((9, 5), {"dilation": 4}),
    ],
)
@pytest.mark.parametrize("bands", [2, 3, 100])
def test_convolution_in_bands_equals_the_whole(borders, size, options, bands, rng):
    block = ConvBlock(3, 4, reference=borders, **options)
    x = paddle.to_tensor(rng.standard_normal([2, 3, *size]).astype(np.float32))
    step = Step.of(block.conv)
    ours, expected = convolve_in_bands(x, step, bands), step.convolve(x)
    assert ours.shape == expected.shape
    np.testing.assert_allclose(ours.numpy(), expected.numpy(), atol=1e-6)


def test_large_convolutions_go_in_bands_where_no_gradients_are_wanted(monkeypatch, rng):
    block = ConvBlock(3, 4)
    x = paddle.to_tensor(rng.standard_normal([1, 3, 16, 16]).astype(np.float32))
    expected = block(x)
    called = []
    monkeypatch.setattr("ppdeepfill.networks.kernels.bands.BAND_BYTES", 4 * 27 * 16 * 5)
    monkeypatch.setattr(
        "ppdeepfill.networks.kernels.bands.convolve_in_bands",
        lambda *a: called.append(a[2]) or convolve_in_bands(*a),
    )
    with eagerly():
        np.testing.assert_array_equal(block(x).numpy(), expected.numpy())
        assert not called
        with paddle.no_grad():
            np.testing.assert_allclose(block(x).numpy(), expected.numpy(), atol=1e-6)
    assert called == [4]  # 5 rows at a time


@pytest.mark.parametrize("bands", [2, 3, 100])
def test_upsampled_convolution_in_bands_equals_the_whole(rng, bands):
    x = paddle.to_tensor(rng.standard_normal((2, 6, 7, 5)).astype(np.float32))
    block = UpsampledConvBlock(6, 4)
    step = Step.of(block.conv, upsampling=2)
    ours = convolve_in_bands(x, step, bands)
    np.testing.assert_allclose(ours.numpy(), step.convolve(x).numpy(), atol=1e-6)
