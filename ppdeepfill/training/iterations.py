# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Iterations of a training: phases, updates, optimizers. The losses come from the objective."""

from paddle import Tensor, seed, set_default_dtype
from paddle.nn import Layer

from ppdeepfill import parallel
from ppdeepfill.config import Config
from ppdeepfill.data.batch import Batch
from ppdeepfill.networks import kernels
from ppdeepfill.objectives import Phase
from ppdeepfill.training.average import WeightAverage
from ppdeepfill.training.guard import FiniteGuard
from ppdeepfill.training.images import open_dataset, open_loader
from ppdeepfill.training.meter import Meter, mean_of
from ppdeepfill.training.method import build_method
from ppdeepfill.training.optimizers import (
    build_optimizers,
    build_schedulers,
    latest_phase,
    take_step,
    train_only,
    trained_parameters,
)
from ppdeepfill.training.precision import LossScale, check_precision, computing_in, loss_scale


class Iterations:
    """Everything that an iteration needs, in memory.

    Args:
        config: what to train, and on which images.

    Attributes:
        network: the network being trained.
        extra_modules: layers that the objective trains in addition, by name.
        parts: the batch of the last update, as one or several parts.
        iteration: number of finished iterations.
    """

    def __init__(self, config: Config):
        self.config = config
        check_precision(config.precision)
        set_default_dtype("float32")
        seed(config.seed)
        self.network, objective = build_method(config)
        self.extra_modules = objective.extra_modules
        self.phases = objective.phases()
        self.parameters = {phase.name: trained_parameters(phase) for phase in self.phases}
        self.schedulers = build_schedulers(config, self.phases)
        self.optimizers = build_optimizers(config, self.phases, self.schedulers)
        self.average = WeightAverage(self.network, config.schedule.average)
        self.scales = {phase.name: loss_scale(config.precision) for phase in self.phases}
        self.dataset = open_dataset(config, config.data.train)
        self.loader = open_loader(config, self.dataset)
        most = config.schedule.max_bad_updates
        self.guards = {phase.name: FiniteGuard(most) for phase in self.phases}
        self.meter = Meter()
        self.parts: list[Batch] = []
        self.iteration = 0

    def step(self) -> dict[str, Tensor]:
        """Run one iteration: every phase that belongs to it, with its repeats.

        Returns:
            The named scalars of each phase's last update, on the device.

        Raises:
            UserError: too many updates in a row were not finite.
        """
        scalars = {}
        for scheduler in self.schedulers.values():
            scheduler.step(self.iteration)
        with self.meter.iteration(), kernels.one_cycle():
            for phase in self.phases:
                if not phase.is_part_of(self.iteration):
                    continue
                train_only(phase, self.parameters)
                for _ in range(phase.repeats):
                    scalars |= self._update(phase)
            self.average.update()
        self.iteration += 1
        return scalars

    def _update(self, phase: Phase) -> dict[str, Tensor]:
        if phase.fresh_batch:
            with self.meter.waiting(self.config.data.batch_size):
                self.parts = next(self.loader).parts(self.config.data.accumulate)
        scale = self.scales[phase.name]
        scalars = mean_of([self._backward(phase, part, scale) for part in self.parts])
        gradients = [p.grad for p in self.parameters[phase.name] if p.grad is not None]
        parallel.average_([*scalars.values(), *gradients])
        scale.unscale_(gradients)

        losses, update = list(scalars.values()), self._describe_update(phase)
        if scale.absorbs(losses, gradients, update):
            self.meter.add(scalars)
        elif self.guards[phase.name].allows([*losses, *gradients], update):
            take_step(self.optimizers[phase.optimizer_name])
            self.meter.add(scalars)
        self.optimizers[phase.optimizer_name].clear_grad(set_to_zero=False)
        return scalars

    def _backward(self, phase: Phase, batch: Batch, scale: LossScale) -> dict[str, Tensor]:
        """Add one part's gradients to those of the update; return the part's named scalars."""
        with computing_in(self.config.precision):
            loss, terms = phase.loss(batch)
        share = loss if len(self.parts) == 1 else loss / len(self.parts)
        scale.scaled(share).backward()
        scalars = {phase.name: loss, **terms}
        if phase.trains is self.network:
            scalars = {"loss": loss, **scalars}  # for readers who want a single number
        return {name: scalar.detach() for name, scalar in scalars.items()}

    @property
    def learning_rate(self) -> float:
        """The rate of the phase that last trained the network, or of the first that will."""
        phase = latest_phase(self.phases, self.network, self.iteration)
        return self.schedulers[phase.optimizer_name]()

    @property
    def modules(self) -> dict[str, Layer]:
        """Everything that is trained, by name; the network is `generator`."""
        return {"generator": self.network, **self.extra_modules}

    def _describe_update(self, phase: Phase) -> str:
        # Only process 0 logs, and it has the first sample.
        first = int(self.parts[0].sample_numbers[0])
        last = first + self.config.data.batch_size - 1
        return f"{phase.name} update of iteration {self.iteration + 1}, samples {first} to {last}"
