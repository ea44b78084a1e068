# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Sequences of convolutions in bands of rows."""

import numpy as np
import paddle
import pytest

from ppdeepfill.networks.deepfill_v1 import Decoder, Encoder, dilated_convolutions
from ppdeepfill.networks.kernels.compiled_convolution import SMALLEST, compiles
from ppdeepfill.networks.layers import ConvBlock, ConvSequence

pytestmark = pytest.mark.skipif(
    not compiles(paddle.zeros([SMALLEST])), reason="this Paddle convolves eagerly only"
)
MODULE = "ppdeepfill.networks.kernels.sequence_bands"


def sequence(name: str, borders: str) -> ConvSequence:
    if name == "encoder":
        return Encoder((4, 4, 8, 8, 8, 8), reference=borders)
    if name == "decoder":
        return Decoder(8, reference=borders)
    return dilated_convolutions(8, borders)


@pytest.fixture
def parts(monkeypatch):
    """Heights of what graphs were given."""
    from ppdeepfill.networks.kernels import compiled_convolution

    monkeypatch.setattr(compiled_convolution, "SMALLEST", 1)
    run, heights = compiled_convolution._run_forward, []
    monkeypatch.setattr(
        compiled_convolution,
        "_run_forward",
        lambda x, *rest: heights.append(x.shape[2]) or run(x, *rest),
    )
    return heights


@pytest.mark.parametrize("borders", ["tensorflow", "torch"])
@pytest.mark.parametrize(
    "name, channels, height", [("encoder", 5, 104), ("decoder", 8, 21), ("dilated", 8, 150)]
)
@pytest.mark.parametrize("bands", [2, 5])
def test_bands_equal_the_whole(name, channels, height, borders, bands, parts, rng, monkeypatch):
    layers = sequence(name, borders)
    x = paddle.to_tensor(rng.standard_normal([2, channels, height, 12]).astype(np.float32))
    with paddle.no_grad():
        expected = layers(x)
        monkeypatch.setattr(f"{MODULE}.MAP_BYTES", largest_map(name, x) / bands)
        ours = layers(x)
    assert len(parts) == 1 + bands and max(parts[1:]) < height
    np.testing.assert_allclose(ours.numpy(), expected.numpy(), atol=2e-6)


def largest_map(name: str, x: paddle.Tensor) -> int:
    positions = x.shape[0] * x.shape[2] * x.shape[3]
    return 4 * positions * {"encoder": 5, "decoder": 3 * 16, "dilated": 8}[name]


def test_sizes_that_a_stride_does_not_divide_stay_whole(parts, rng, monkeypatch):
    layers = ConvSequence(("down", ConvBlock(3, 4, stride=2, reference="torch")))
    x = paddle.to_tensor(rng.standard_normal([1, 3, 15, 9]).astype(np.float32))
    monkeypatch.setattr(f"{MODULE}.MAP_BYTES", 100)
    with paddle.no_grad():
        assert layers(x).shape == [1, 4, 8, 5]
    assert parts == [15]
