# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import paddle
import pytest
from paddle import nn

from ppdeepfill.errors import CheckpointError
from ppdeepfill.objectives import Phase
from ppdeepfill.training.average import WeightAverage
from ppdeepfill.training.state import (
    layer_arrays,
    optimizer_arrays,
    restore_optimizer,
    restore_training,
    training_arrays,
)
from ppdeepfill.weights.checkpoint import Checkpoint
from ppdeepfill.weights.generator_file import Generator


def layer():
    return nn.Sequential(("conv", nn.Conv2D(3, 4, 3)), ("linear", nn.Linear(6, 2)))


def adam(of):
    return paddle.optimizer.Adam(1e-2, beta1=0.5, beta2=0.9, parameters=of.parameters())


def train(network, optimizer, steps):
    for step in range(steps):
        paddle.seed(step)
        network(paddle.rand([2, 3, 8, 8])).square().mean().backward()
        optimizer.step()
        optimizer.clear_grad(set_to_zero=False)


def test_adam_goes_on_exactly_where_it_was():
    network = layer()
    optimizer = adam(network)
    train(network, optimizer, 3)
    weights, state = layer_arrays(network), optimizer_arrays(optimizer, network)
    weights = {name: array.copy() for name, array in weights.items()}
    state = {name: array.copy() for name, array in state.items()}

    other = layer()  # later layers: Paddle gives their parameters other names
    other.set_state_dict(weights)
    other_optimizer = adam(other)
    restore_optimizer(other_optimizer, other, state)
    assert_equal(optimizer_arrays(other_optimizer, other), state)  # also before its first step
    train(network, optimizer, 4)
    train(other, other_optimizer, 4)
    assert_equal(layer_arrays(other), layer_arrays(network))
    assert_equal(optimizer_arrays(other_optimizer, other), optimizer_arrays(optimizer, network))


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert array.tobytes() == found[name].tobytes(), name


def test_adam_state_has_structured_names():
    network = layer()
    optimizer = adam(network)
    assert optimizer_arrays(optimizer, network) == {}
    train(network, optimizer, 2)
    state = optimizer_arrays(optimizer, network)
    assert len(state) == 4 * 4
    assert state["moment1/conv.weight"].shape == (4, 3, 3, 3)
    # Both powers after two steps, ready for the third.
    np.testing.assert_allclose(state["beta1_pow_acc/linear.bias"], [0.5**3])
    np.testing.assert_allclose(state["beta2_pow_acc/linear.bias"], [0.9**3], rtol=1e-6)


def test_state_of_another_layer_is_refused():
    network = layer()
    with pytest.raises(CheckpointError, match="moment1/other.weight"):
        restore_optimizer(adam(network), network, {"moment1/other.weight": np.zeros(2, np.float32)})


def test_modules_and_optimizers_keep_apart():
    def fresh():
        network, critics = layer(), layer()
        optimizers = {"critic": adam(critics), "generator": adam(network)}
        phases = [Phase("critic", critics, None), Phase("generator", network, None)]
        return {"critics": critics}, optimizers, phases, WeightAverage(network, 0.5)

    run = modules, optimizers, phases, average = fresh()
    train(modules["critics"], optimizers["critic"], 2)
    average.update()
    train(phases[1].trains, optimizers["generator"], 1)
    average.update()
    arrays = training_arrays(*run)
    assert "modules/critics/conv.weight" in arrays
    assert "optimizers/generator/moment2/linear.bias" in arrays
    assert "weights/conv.weight" in arrays
    with average.applied():
        generator = Generator("any", {}, 1, layer_arrays(average.network))
    again = fresh()
    saved = Checkpoint(generator, arrays, {"average_updates": 2}, {})
    restore_training(*again, saved, source="a file")
    assert_equal(training_arrays(*again), arrays)
    with again[-1].applied():
        assert_equal(layer_arrays(again[-1].network), generator.weights)
