# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The optimizers of a run: one per phase, or one shared by several phases."""

from collections.abc import Mapping, Sequence

from paddle import Tensor
from paddle.nn import Layer
from paddle.optimizer import Adadelta, Adam, Optimizer
from paddle.optimizer.lr import LambdaDecay
from paddle.utils import unique_name

from ppdeepfill.config import Config, OptimizerSettings
from ppdeepfill.config.text import unknown_name
from ppdeepfill.errors import ConfigError
from ppdeepfill.objectives import Phase
from ppdeepfill.training.learning_rate import scheduler

# Paddle's names for the state that each kind of optimizer keeps per parameter.
STATE = {
    Adam: ("moment1", "moment2", "beta1_pow_acc", "beta2_pow_acc"),
    Adadelta: ("_avg_squared_grad", "_avg_squared_update"),
}


def build_schedulers(config: Config, phases: Sequence[Phase]) -> dict[str, LambdaDecay]:
    """Return the learning-rate scheduler of each optimizer, by the optimizer's name.

    Raises:
        ConfigError: `optimizer.phases` names an optimizer that no phase uses.
    """
    schedule, iterations = config.optimizer.schedule, config.schedule.iterations
    schedulers = {}
    for phase in phases:
        settings = config.optimizer.of(phase.optimizer_name)
        rate = scheduler(settings.learning_rate, schedule, iterations)
        schedulers[phase.optimizer_name] = rate
    for name in config.optimizer.phases:
        if name not in schedulers:
            raise ConfigError(f"optimizer.phases: {unknown_name('phase', name, list(schedulers))}")
    return schedulers


def build_optimizers(
    config: Config, phases: Sequence[Phase], schedulers: Mapping[str, LambdaDecay]
) -> dict[str, Optimizer]:
    """Return the optimizers by name; phases that name the same optimizer share it."""
    first = {phase.optimizer_name: phase for phase in reversed(phases)}
    return {
        name: _build(config.optimizer.of(name), schedulers[name], trained_parameters(phase))
        for name, phase in first.items()
    }


def trained_parameters(phase: Phase) -> list[Tensor]:
    """Return the trainable parameters of the layer that a phase trains."""
    return [p for p in phase.trains.parameters() if not p.stop_gradient]


def train_only(phase: Phase, parameters: Mapping[str, Sequence[Tensor]]) -> None:
    """Freeze what other phases train, since its gradients would not be used.

    Args:
        phase: the phase that is about to run.
        parameters: the trained parameters of every phase, by its name.
    """
    for others in parameters.values():
        for parameter in others:
            parameter.stop_gradient = True
    for parameter in parameters[phase.name]:
        parameter.stop_gradient = False


def latest_phase(phases: Sequence[Phase], trained: Layer, iteration: int) -> Phase:
    """Return the last phase in an iteration that has trained a layer, or the first that will.

    Args:
        phases: all phases; at least one of them trains the layer.
        trained: the layer.
        iteration: number of finished iterations.
    """
    phases = [phase for phase in phases if phase.trains is trained]
    begun = [phase for phase in phases if phase.start < iteration] or phases[:1]
    return begun[-1]


def take_step(optimizer: Optimizer) -> None:
    """Update an optimizer's parameters from their gradients.

    Paddle numbers what optimizers keep of one parameter through the whole process; here each counts
    for itself, so that its state has the same names whether or not another came before.
    """
    with unique_name.guard():
        optimizer.step()


def _build(settings: OptimizerSettings, rate: LambdaDecay, parameters: list[Tensor]) -> Optimizer:
    if settings.name == "adadelta":
        return Adadelta(rate, epsilon=settings.epsilon, rho=settings.rho, parameters=parameters)
    return Adam(
        rate,
        beta1=settings.beta1,
        beta2=settings.beta2,
        epsilon=settings.epsilon,
        parameters=parameters,
    )
