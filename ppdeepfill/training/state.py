# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The state of a training run as arrays under names that survive a restart.

Paddle names an optimizer's tensors after a counter that runs through the whole process
(`conv2d_17.w_0_moment1_0`); a checkpoint needs the structured name of the parameter instead
(`moment1/encoder.down1.weight`).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy import ndarray
from paddle import nn
from paddle.optimizer import Adam

from ppdeepfill.config import Config
from ppdeepfill.errors import CheckpointError
from ppdeepfill.generator_file import Generator, load_weights
from ppdeepfill.objectives import Phase

ADAM_STATE = ("moment1", "moment2", "beta1_pow_acc", "beta2_pow_acc")


def generator_of(config: Config, network: nn.Layer, iteration: int) -> Generator:
    """The network of a configuration as it is stored."""
    return Generator(config.network.name, config.network.options, iteration, layer_arrays(network))


def training_arrays(
    modules: Mapping[str, nn.Layer], optimizers: Mapping[str, Adam], phases: Sequence[Phase]
) -> dict[str, ndarray]:
    """All arrays of a training run but those of its network.

    Args:
        modules: what is trained beside the network.
        optimizers: one per phase, by its name.
        phases: they tell which layer an optimizer belongs to.

    Returns:
        `modules/NAME/...` and `optimizers/PHASE/...`.
    """
    arrays = {}
    for name, module in modules.items():
        arrays |= _prefixed(f"modules/{name}", layer_arrays(module))
    for phase in phases:
        state = adam_arrays(optimizers[phase.name], phase.trains)
        arrays |= _prefixed(f"optimizers/{phase.name}", state)
    return arrays


def restore_training(
    modules: Mapping[str, nn.Layer],
    optimizers: Mapping[str, Adam],
    phases: Sequence[Phase],
    arrays: Mapping[str, ndarray],
) -> None:
    """Put back what `training_arrays` returned, into modules and optimizers just built.

    Raises:
        CheckpointError: names or shapes that do not fit.
    """
    for name, module in modules.items():
        load_weights(module, _below(f"modules/{name}", arrays), source=f"modules/{name}")
    for phase in phases:
        state = _below(f"optimizers/{phase.name}", arrays)
        restore_adam(optimizers[phase.name], phase.trains, state)


def layer_arrays(layer: nn.Layer) -> dict[str, ndarray]:
    """Weights and buffers of a layer by structured name."""
    return {name: np.asarray(tensor.numpy()) for name, tensor in layer.state_dict().items()}


def adam_arrays(optimizer: Adam, layer: nn.Layer) -> dict[str, ndarray]:
    """State of the optimizer of a layer by structured name; empty when it never had one."""
    # What was restored is in the holder until the first step; Paddle 2.6 keeps quiet about it.
    state = optimizer.state_dict() or optimizer._accumulators_holder
    names = _structured_names(layer)
    return {names[paddle_name]: np.asarray(tensor) for paddle_name, tensor in state.items()}


def restore_adam(optimizer: Adam, layer: nn.Layer, arrays: Mapping[str, ndarray]) -> None:
    """Give a new optimizer of a layer the state that `adam_arrays` returned.

    Raises:
        CheckpointError: state of parameters that the layer does not have.
    """
    paddle_names = {ours: paddle_name for paddle_name, ours in _structured_names(layer).items()}
    unexpected = [name for name in arrays if name not in paddle_names]
    if unexpected:
        raise CheckpointError(f"optimizer state of unknown parameters: {', '.join(unexpected)}")
    optimizer.set_state_dict({paddle_names[name]: array for name, array in arrays.items()})


def _structured_names(layer: nn.Layer) -> dict[str, str]:
    """Paddle's name -> ours. Its last number counts the optimizers of one parameter, from 0."""
    return {
        f"{parameter.name}_{state}_0": f"{state}/{name}"
        for name, parameter in layer.named_parameters()
        for state in ADAM_STATE
    }


def _prefixed(prefix: str, arrays: Mapping[str, ndarray]) -> dict[str, ndarray]:
    return {f"{prefix}/{name}": array for name, array in arrays.items()}


def _below(prefix: str, arrays: Mapping[str, ndarray]) -> dict[str, ndarray]:
    return {
        name.removeprefix(f"{prefix}/"): array
        for name, array in arrays.items()
        if name.startswith(f"{prefix}/")
    }
