# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Update both networks in the same order and with the same optimizers as the reference runs."""

import math
from collections.abc import Iterable

import numpy as np
import paddle
from numpy import ndarray
from paddle import Tensor, nn

from ppdeepfill.alignment.references import train_only
from ppdeepfill.data.batch import Batch
from ppdeepfill.objectives import WganGp

LEARNING_RATE = 1e-4
BETA1, BETA2 = 0.5, 0.9
EPSILON = 1e-8

# The references' names for our terms.
PORT_TERMS = {
    "hole_l1": "l1",
    "known_l1": "ae",
    "adversarial": "wgan_g",
    "generator": "g",
    "wasserstein": "wgan_d",
    "gradient_penalty": "wgan_gp",
    "critic": "d",
}
AUTHORS_TERMS = {
    "hole_l1": "l1_loss",
    "known_l1": "ae_loss",
    "generator": "g_loss",
    "gradient_penalty": "gp_loss",  # theirs includes the weight
    "critic": "d_loss",
}


class PortUpdates:
    """Updates as in the port: generator and critics share a batch, and each has its own Adam.

    The gradients of both are computed before either is updated. Terms have the port's names.

    Args:
        objective: provides the losses and the networks to train.
    """

    def __init__(self, objective: WganGp):
        self.objective = objective
        self._modules = {"generator": objective.network, "critic": objective.critics}
        self._adam = {name: _adam(module) for name, module in self._modules.items()}

    def step(self, batch: Batch, *phases: str) -> dict[str, float]:
        """Update "generator", "critic" or both; the gradients are kept until the next step."""
        for module in self._modules.values():
            _clear_gradients(module)
        terms = {}
        for phase in phases:
            terms |= _backward(self.objective, phase, batch)
        for phase in phases:
            train_only(self.objective, phase)  # Paddle's optimizers skip frozen parameters
            self._adam[phase].step()
        return {PORT_TERMS[name]: value for name, value in terms.items()}


class AuthorsUpdates:
    """Updates as in the authors' code: one network at a time, with one Adam that counts all steps.

    Terms have the authors' names.

    Args:
        objective: provides the losses and the networks to train.
    """

    def __init__(self, objective: WganGp):
        self.objective = objective
        self._modules = {"generator": objective.network, "critic": objective.critics}
        self._adam = _TensorFlowAdam()

    def step(self, batch: Batch, phase: str) -> dict[str, float]:
        """Update "generator" or "critic"; its gradients are kept until its next step."""
        terms = self.backward(batch, phase)
        self._adam.step(self._modules[phase])
        return terms

    def backward(self, batch: Batch, phase: str) -> dict[str, float]:
        """Compute the gradients of one phase's network, and return its terms."""
        _clear_gradients(self._modules[phase])
        return self._with_their_names(_backward(self.objective, phase, batch))

    @paddle.no_grad()
    def losses(self, batch: Batch, phase: str) -> dict[str, float]:
        """Return the terms of one phase, without gradients."""
        return self._with_their_names(_as_floats(phase, *_losses(self.objective, phase, batch)))

    def _with_their_names(self, terms: dict[str, float]) -> dict[str, float]:
        if "gradient_penalty" in terms:
            terms["gradient_penalty"] *= self.objective.gradient_penalty_weight
        return {theirs: terms[ours] for ours, theirs in AUTHORS_TERMS.items() if ours in terms}


def gradient_norms(module: nn.Layer, layers: Iterable[tuple[str, str, str]]) -> dict[str, float]:
    """Return the norm of each gradient by our name (0 if none), in the order of `layers`."""
    parameters = dict(module.named_parameters())
    names = [f"{ours}.{kind}" for ours, _, _ in layers for kind in ("weight", "bias")]
    return {name: _norm(parameters[name].grad) for name in names}


class _TensorFlowAdam:
    """Adam as TensorFlow formulates it, with one count of steps over both networks."""

    def __init__(self):
        self._steps = 0
        self._moments: dict[str, tuple[ndarray, ndarray]] = {}

    def step(self, module: nn.Layer) -> None:
        """Update a module from its gradients."""
        self._steps += 1
        rate = LEARNING_RATE * math.sqrt(1.0 - BETA2**self._steps) / (1.0 - BETA1**self._steps)
        for parameter in module.parameters():
            gradient = parameter.grad.numpy()
            first, second = self._moments.get(parameter.name, (0.0, 0.0))
            first = BETA1 * first + (1.0 - BETA1) * gradient
            second = BETA2 * second + (1.0 - BETA2) * gradient**2
            self._moments[parameter.name] = first, second
            parameter.set_value(parameter.numpy() - rate * first / (np.sqrt(second) + EPSILON))


def _clear_gradients(module: nn.Layer) -> None:
    """Clear all gradients; `Layer.clear_gradients` keeps those of frozen parameters."""
    for parameter in module.parameters():
        parameter.clear_gradient()


def _backward(objective: WganGp, phase: str, batch: Batch) -> dict[str, float]:
    train_only(objective, phase)
    loss, terms = _losses(objective, phase, batch)
    loss.backward()
    return _as_floats(phase, loss, terms)


def _losses(objective: WganGp, phase: str, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    return {candidate.name: candidate.loss for candidate in objective.phases()}[phase](batch)


def _as_floats(phase: str, loss: Tensor, terms: dict[str, Tensor]) -> dict[str, float]:
    """Return the terms as floats, with the loss under the name of its phase."""
    return {name: float(value) for name, value in {phase: loss, **terms}.items()}


def _adam(module: nn.Layer) -> paddle.optimizer.Adam:
    return paddle.optimizer.Adam(
        LEARNING_RATE,
        beta1=BETA1,
        beta2=BETA2,
        epsilon=EPSILON,
        parameters=module.parameters(),
    )


def _norm(gradient: Tensor | None) -> float:
    return 0.0 if gradient is None else float(np.linalg.norm(gradient.numpy().astype(np.float64)))
