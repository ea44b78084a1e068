# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Products with a map of one channel, against Paddle's own."""

import numpy as np
import paddle
import pytest

from ppdeepfill.networks.kernels import scale_positions


@pytest.mark.parametrize("channels", [1, 5])
@pytest.mark.parametrize("constant", [True, False], ids=["mask", "trained"])
def test_values_and_gradients_equal_paddles(channels, constant, rng):
    numbers = [rng.standard_normal(shape) for shape in ((2, 5, 4, 3), (2, channels, 4, 3))]
    results = []
    for multiply in (scale_positions, lambda x, factor: x * factor):
        x, factor = (paddle.to_tensor(n, stop_gradient=False) for n in numbers)
        factor.stop_gradient = constant
        scaled = multiply(x, factor)
        scaled.square().sum().backward()
        results.append([scaled, x.grad] + ([] if constant else [factor.grad]))
    for ours, theirs in zip(*results, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)
