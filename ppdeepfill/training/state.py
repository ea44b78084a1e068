# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The state of a training run as arrays, under names that stay the same after a restart.

Paddle's names for an optimizer's tensors contain a counter over the whole process
(`conv2d_17.w_0_moment1_0`); a checkpoint needs the structured name of the parameter instead
(`moment1/encoder.down1.weight`).
"""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
from numpy import ndarray
from paddle import nn
from paddle.optimizer import Optimizer

from ppdeepfill.config import Config
from ppdeepfill.errors import CheckpointError
from ppdeepfill.objectives import Phase
from ppdeepfill.training.average import WeightAverage
from ppdeepfill.training.optimizers import STATE
from ppdeepfill.weights.checkpoint import Checkpoint
from ppdeepfill.weights.generator_file import Generator, load_weights

logger = logging.getLogger(__name__)


def generator_of(config: Config, network: nn.Layer, iteration: int) -> Generator:
    """Return the network of a configuration in the form in which it is saved."""
    return Generator(config.network.name, config.network.options, iteration, layer_arrays(network))


def training_arrays(
    modules: Mapping[str, nn.Layer],
    optimizers: Mapping[str, Optimizer],
    phases: Sequence[Phase],
    average: WeightAverage,
) -> dict[str, ndarray]:
    """Return all arrays of a training run except those saved as the generator.

    Args:
        modules: layers trained in addition to the network.
        optimizers: by name.
        phases: they determine which layer an optimizer belongs to.
        average: average of the network's weights; if there is one, it is the saved generator.

    Returns:
        `modules/NAME/...`, `optimizers/NAME/...`, and, with an average, `weights/...`.
    """
    arrays = _prefixed("weights", layer_arrays(average.network)) if average.updates else {}
    for name, module in modules.items():
        arrays |= _prefixed(f"modules/{name}", layer_arrays(module))
    for phase in phases:
        name = phase.optimizer_name
        arrays |= _prefixed(f"optimizers/{name}", optimizer_arrays(optimizers[name], phase.trains))
    return arrays


def restore_training(
    modules: Mapping[str, nn.Layer],
    optimizers: Mapping[str, Optimizer],
    phases: Sequence[Phase],
    average: WeightAverage,
    checkpoint: Checkpoint,
    *,
    source: str,
) -> None:
    """Restore layers and optimizers from a checkpoint with the arrays of `training_arrays`.

    Args:
        modules, optimizers, phases, average: newly built; see `training_arrays`.
        checkpoint: the saved checkpoint.
        source: where it comes from, for error messages.

    Raises:
        CheckpointError: names or shapes do not match.
    """
    arrays, released = checkpoint.arrays, checkpoint.generator.weights
    weights = _without_prefix("weights", arrays) or released
    load_weights(average.network, weights, source=source)
    average.restore(released, checkpoint.progress.get("average_updates", 0))
    for name, module in modules.items():
        load_weights(module, _without_prefix(f"modules/{name}", arrays), source=f"modules/{name}")
    trained = {phase.optimizer_name: phase.trains for phase in phases}
    for name, layer in trained.items():
        restore_optimizer(optimizers[name], layer, _without_prefix(f"optimizers/{name}", arrays))


def untrained_arrays(
    modules: Mapping[str, nn.Layer], phases: Sequence[Phase], arrays: Mapping[str, ndarray]
) -> dict[str, ndarray]:
    """Return those of `training_arrays` that a run with fewer modules or phases does not need."""
    used = [f"modules/{name}/" for name in modules]
    used += [f"optimizers/{phase.optimizer_name}/" for phase in phases]
    used += ["weights/"]  # of the network, whether or not they are averaged now
    rest = {name: array for name, array in arrays.items() if not name.startswith(tuple(used))}
    if rest:
        logger.warning(
            "%d arrays of the checkpoint are not trained any more, such as %s; later checkpoints "
            "keep them as they are",
            len(rest),
            min(rest),
        )
    return rest


def layer_arrays(layer: nn.Layer) -> dict[str, ndarray]:
    """Return the weights and buffers of a layer by structured name."""
    return {name: np.asarray(tensor.numpy()) for name, tensor in layer.state_dict().items()}


def optimizer_arrays(optimizer: Optimizer, layer: nn.Layer) -> dict[str, ndarray]:
    """Return the state of a layer's optimizer by structured name; empty before its first step."""
    # Restored state stays in the holder until the first step; Paddle 2.6 omits it in state_dict().
    state = dict(optimizer.state_dict())
    state.pop("LR_Scheduler", None)  # follows from the iteration
    names = _structured_names(optimizer, layer)
    state = state or optimizer._accumulators_holder
    return {names[paddle_name]: np.asarray(tensor) for paddle_name, tensor in state.items()}


def restore_optimizer(optimizer: Optimizer, layer: nn.Layer, arrays: Mapping[str, ndarray]) -> None:
    """Restore a layer's new optimizer to the state that `optimizer_arrays` returned.

    Raises:
        CheckpointError: there is state for parameters that the layer does not have.
    """
    names = _structured_names(optimizer, layer)
    paddle_names = {ours: paddle_name for paddle_name, ours in names.items()}
    unexpected = [name for name in arrays if name not in paddle_names]
    if unexpected:
        raise CheckpointError(f"optimizer state for unknown parameters: {', '.join(unexpected)}")
    optimizer.set_state_dict({paddle_names[name]: array for name, array in arrays.items()})


def _structured_names(optimizer: Optimizer, layer: nn.Layer) -> dict[str, str]:
    """Map Paddle's names to ours. Their last number is 0, see `take_step`."""
    return {
        f"{parameter.name}_{state}_0": f"{state.lstrip('_')}/{name}"
        for name, parameter in layer.named_parameters()
        for state in STATE[type(optimizer)]
    }


def _prefixed(prefix: str, arrays: Mapping[str, ndarray]) -> dict[str, ndarray]:
    return {f"{prefix}/{name}": array for name, array in arrays.items()}


def _without_prefix(prefix: str, arrays: Mapping[str, ndarray]) -> dict[str, ndarray]:
    return {
        name.removeprefix(f"{prefix}/"): array
        for name, array in arrays.items()
        if name.startswith(f"{prefix}/")
    }
