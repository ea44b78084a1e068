# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The training loop: phases, optimizers, cadence. The losses come from the objective."""

import logging
from contextlib import closing, suppress
from pathlib import Path

from numpy import ndarray
from paddle import Tensor, seed, set_default_dtype
from paddle.nn import Layer

from ppdeepfill import parallel
from ppdeepfill.config import Config
from ppdeepfill.data.batch import Batch
from ppdeepfill.errors import OutputError, UserError
from ppdeepfill.objectives import Phase
from ppdeepfill.training.average import WeightAverage
from ppdeepfill.training.description import conclusion, dry_run
from ppdeepfill.training.guard import FiniteGuard
from ppdeepfill.training.images import open_dataset, open_loader
from ppdeepfill.training.initial_weights import load_initial_weights
from ppdeepfill.training.interruption import Interruption
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
from ppdeepfill.training.progress import Progress
from ppdeepfill.training.reporter import Reporter, is_due
from ppdeepfill.training.resuming import (
    check_same_method,
    checkpoint_to_resume,
    naming_changed_options,
)
from ppdeepfill.training.state import (
    generator_of,
    restore_training,
    training_arrays,
    untrained_arrays,
)
from ppdeepfill.weights.checkpoint import Checkpoint, save_checkpoint

logger = logging.getLogger(__name__)


class Trainer:
    """Trains the network of a configuration with its objective.

    It trains on the current device, see `parallel.use_device`. Building a trainer writes nothing to
    disk. With several processes, all call the same methods, and only process 0 writes files.

    Args:
        config: what to train, on which images, and how long.

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
        self._trained = self.extra_modules, self.optimizers, self.phases, self.average
        self.scales = {phase.name: loss_scale(config.precision) for phase in self.phases}
        self.dataset = open_dataset(config, config.data.train)
        self.loader = open_loader(config, self.dataset)
        self.guard = FiniteGuard(config.schedule.max_bad_updates)
        self.meter = Meter()
        self.reporter = Reporter(config, self.network, self.dataset, self.average)
        self.parts: list[Batch] = []
        self.iteration = 0
        self.saved: Path | None = None
        counted = self.reporter, self.meter, self.average, self.scales
        self._progress = Progress(*counted, timed=config.schedule.minutes is not None)
        self.untrained: dict[str, ndarray] = {}

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
        with self.meter.iteration():
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
        elif self.guard.allows([*losses, *gradients], update):
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

    def fit(self) -> None:
        """Train to the last iteration, starting where `config.resume` says.

        The first Ctrl-C or SIGTERM ends the run after the current iteration, with a checkpoint.

        Raises:
            UserError: a problem the user can fix, such as a full disk or a loss that stays nan.
            SystemExit: interrupted; the status is 130 after Ctrl-C, 143 after SIGTERM.
        """
        with Interruption(launched=parallel.world_size() > 1) as interruption, self.reporter:
            self.resume()
            with closing(self.loader):
                stop = self._iterate(interruption)
            if stop:
                self.save()
                logger.info("stopped after iteration %d; run again to continue", self.iteration)
                raise SystemExit(128 + stop)
            logger.info(conclusion(self.config, self.saved, iterations=self.iteration))

    def _iterate(self, interruption: Interruption) -> int:
        """Train to the last iteration; return 0, or the signal that interrupted training."""
        last = self._is_complete()
        if not last:
            self.reporter.start(self.iteration, self.modules)
        while not last:
            self.step()
            last, rate = self._is_complete(), self.learning_rate
            try:
                self.reporter.report(self.iteration, self.meter, learning_rate=rate, last=last)
            except (OutputError, OSError):  # a full disk may have room left for what counts
                with suppress(UserError, OSError):
                    self.save()
                raise
            if is_due(self.iteration, self.config.schedule.checkpoint_every, last=last):
                self.save()
            stop = parallel.largest(interruption.signal)  # all processes wait for process 0 here
            if stop and not last:
                return stop
        return 0

    def _is_complete(self) -> bool:
        """Whether all iterations are done or the training time is over, as in all processes."""
        schedule = self.config.schedule
        if self.iteration >= schedule.iterations or schedule.minutes is None:
            return self.iteration >= schedule.iterations
        return bool(parallel.largest(int(self.meter.total_seconds >= 60 * schedule.minutes)))

    def save(self) -> None:
        """Write a checkpoint of the current iteration."""
        if parallel.rank() != 0:
            return
        with self.average.applied():
            generator = generator_of(self.config, self.network, self.iteration)
        arrays = training_arrays(*self._trained) | self.untrained
        checkpoint = Checkpoint(generator, arrays, self._progress.state(), self.config.to_dict())
        keep = self.config.schedule.keep_checkpoints
        self.saved = save_checkpoint(self.config.output_dir, checkpoint, keep=keep)
        logger.info("saved %s", self.saved)

    def resume(self) -> None:
        """Continue from the checkpoint that `config.resume` refers to, or start a new run.

        Raises:
            CheckpointError: it cannot be used, or belongs to another network or objective.
        """
        start = checkpoint_to_resume(self.config)
        if start is None:
            load_initial_weights(self.config, self.network, self.extra_modules)
            return
        self.saved, checkpoint = start
        check_same_method(checkpoint.config, self.config.to_dict())
        with naming_changed_options(checkpoint.config, self.config.to_dict()):
            restore_training(*self._trained, checkpoint, source=str(self.saved))
        self.untrained = untrained_arrays(self.extra_modules, self.phases, checkpoint.arrays)
        self._progress.restore(checkpoint.progress)
        self.iteration = checkpoint.generator.iteration
        batches = sum(phase.batches_before(self.iteration) for phase in self.phases)
        self.loader = open_loader(self.config, self.dataset, first_batch=batches)
        logger.info("resumed from %s", self.saved)

    def describe(self) -> str:
        """Return configuration, layers and the shapes of one batch; writes nothing to disk."""
        text = dry_run(self.config, self.modules, next(self.loader))
        self.loader.close()
        return text

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
