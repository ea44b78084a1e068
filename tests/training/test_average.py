# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import paddle
import pytest
from paddle import nn

from ppdeepfill.training.average import WeightAverage
from ppdeepfill.training.state import layer_arrays


def network():
    return nn.Sequential(("conv", nn.Conv2D(3, 4, 3)), ("norm", nn.BatchNorm2D(4)))


def disturb(layer, rng):
    for tensor in layer.state_dict().values():
        tensor.set_value(rng.standard_normal(tensor.shape).astype(np.float32))


def test_the_mean_is_that_of_its_formula():
    layer, rng = network(), np.random.default_rng(0)
    average, expected = WeightAverage(layer, 0.05), None
    for number in range(1, 6):
        disturb(layer, rng)
        average.update()
        now = layer_arrays(layer)
        decay = min(0.05, number / (number + 50))
        expected = (
            now
            if expected is None
            else {name: decay * expected[name] + (1 - decay) * now[name] for name in now}
        )
    weights = layer_arrays(layer)
    with average.applied():
        found = layer_arrays(layer)
    for name in ("conv.weight", "conv.bias", "norm.weight", "norm.bias"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-7)
        assert not np.array_equal(found[name], weights[name])
    for name in ("norm._mean", "norm._variance"):  # statistics are no weights
        assert np.array_equal(found[name], weights[name])


def test_the_weights_come_back_whatever_happens():
    layer, rng = network(), np.random.default_rng(0)
    average = WeightAverage(layer, 0.9)
    for _ in range(2):
        disturb(layer, rng)
        average.update()
    before = layer_arrays(layer)
    with pytest.raises(KeyboardInterrupt), average.applied():
        raise KeyboardInterrupt
    for name, array in layer_arrays(layer).items():
        assert np.array_equal(array, before[name])


def test_without_a_decay_nothing_is_averaged():
    layer = network()
    average, before = WeightAverage(layer, None), layer_arrays(layer)
    average.update()
    with average.applied():
        for name, array in layer_arrays(layer).items():
            assert np.array_equal(array, before[name])
    assert average.updates == 0


def test_weights_still_learn_after_they_were_swapped():
    layer = nn.Linear(2, 1)
    average = WeightAverage(layer, 0.9)
    average.update()
    with average.applied(), paddle.no_grad():
        layer(paddle.ones([1, 2]))
    layer(paddle.ones([1, 2])).sum().backward()
    assert np.array_equal(layer.weight.grad.numpy(), [[1.0], [1.0]])
