# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A run: its loop, its cadence, and its checkpoints."""

import logging
from contextlib import closing, suppress
from copy import copy
from pathlib import Path

from numpy import ndarray

from ppdeepfill import parallel
from ppdeepfill.config import Config
from ppdeepfill.errors import OutputError, UserError
from ppdeepfill.training.description import conclusion, dry_run
from ppdeepfill.training.guard import check_finite
from ppdeepfill.training.images import open_loader
from ppdeepfill.training.initial_weights import load_initial_weights
from ppdeepfill.training.interruption import Interruption
from ppdeepfill.training.iterations import Iterations
from ppdeepfill.training.reporter import Reporter, is_due
from ppdeepfill.training.resuming import (
    check_same_method,
    check_same_start,
    checkpoint_to_resume,
    naming_changed_options,
)
from ppdeepfill.training.state import (
    generator_of,
    restore_training,
    training_arrays,
    untrained_arrays,
)
from ppdeepfill.weights.checkpoint import (
    Checkpoint,
    checkpoint_folders,
    remove_leftovers,
    remove_superseded,
    save_checkpoint,
)

logger = logging.getLogger(__name__)


class Trainer(Iterations):
    """Trains the network of a configuration with its objective, and keeps the run in files.

    It trains on the current device, see `parallel.use_device`. Building a trainer writes nothing to
    disk. With several processes, all call the same methods, and only process 0 writes files.

    Args:
        config: what to train, on which images, and how long.

    Attributes:
        saved: the newest checkpoint; None before the first.
        unreported: the last iteration is done, but its report is not written.
    """

    def __init__(self, config: Config):
        super().__init__(config)
        self._trained = self.extra_modules, self.optimizers, self.phases, self.average
        self.reporter = Reporter(config, self.network, self.dataset, self.average)
        self.saved: Path | None = None
        self.unreported = False  # the disk was full when the iteration was to be reported
        self.untrained: dict[str, ndarray] = {}

    def fit(self) -> None:
        """Train to the last iteration, starting where `config.resume` says.

        The first Ctrl-C or SIGTERM ends the run after the current iteration, with a checkpoint.

        Raises:
            UserError: a problem the user can fix, such as a full disk or a loss that stays nan.
            SystemExit: interrupted; the status is 130 after Ctrl-C, 143 after SIGTERM.
        """
        with Interruption(launched=parallel.world_size() > 1) as interruption, self.reporter:
            self.resume()
            self._tidy()
            with closing(self.loader):
                stop = self._iterate(interruption)
            if stop:
                self.save()
                logger.info("stopped after iteration %d; run again to continue", self.iteration)
                raise SystemExit(128 + stop)
            logger.info(conclusion(self.config, self.saved, iterations=self.iteration))

    def _iterate(self, interruption: Interruption) -> int:
        """Train to the last iteration; return 0, or the signal that interrupted training."""
        freed_memory = parallel.FreedMemory()
        last = self._is_complete() and not self.unreported
        if not last:
            self.reporter.start(self.iteration - self.unreported, self.modules)
        while not last:
            if not self.unreported:
                self.step()
                freed_memory.bound()
            last = self._is_complete()
            self._report(last=last)
            if is_due(self.iteration, self.config.schedule.checkpoint_every, last=last):
                self.save()
            stop = parallel.largest(interruption.signal)  # all processes wait for process 0 here
            if stop and not last:
                return stop
        return 0

    def _report(self, *, last: bool) -> None:
        """Report an iteration; if the disk is full, save the run so that it can be repeated.

        A disk without room for a picture may have room for what counts.
        """
        meter, rate = copy(self.meter), self.learning_rate
        try:
            self.reporter.report(self.iteration, self.meter, learning_rate=rate, last=last)
        except (OutputError, OSError):
            self.meter, self.unreported = meter, True
            with suppress(UserError, OSError):
                self.save()
            raise
        self.unreported = False

    def _is_complete(self) -> bool:
        """Whether all iterations are done or the training time is over, as in all processes."""
        schedule = self.config.schedule
        if self.iteration >= schedule.iterations or schedule.minutes is None:
            return self.iteration >= schedule.iterations
        return bool(parallel.largest(int(self.meter.total_seconds >= 60 * schedule.minutes)))

    def save(self) -> None:
        """Write a checkpoint of the current iteration.

        Raises:
            UserError: it would contain nan or infinity, or cannot be written.
        """
        if parallel.rank() != 0:
            return
        with self.average.applied():
            generator = generator_of(self.config, self.network, self.iteration)
        arrays = training_arrays(*self._trained) | self.untrained
        check_finite(generator.weights | arrays)
        checkpoint = Checkpoint(generator, arrays, self._progress(), self.config.to_dict())
        keep = self.config.schedule.keep_checkpoints
        self.saved = save_checkpoint(self.config.output_dir, checkpoint, keep=keep)
        logger.info("saved %s", self.saved)

    def resume(self) -> None:
        """Continue from the checkpoint that `config.resume` refers to, or start a new run.

        Raises:
            CheckpointError: it cannot be used, belongs to another network or objective, or is not
                the same in all processes.
        """
        start = checkpoint_to_resume(self.config)
        check_same_start(start)
        if start is None:
            load_initial_weights(self.config, self.network, self.extra_modules)
            return
        self.saved, checkpoint = start
        check_same_method(checkpoint.config, self.config.to_dict())
        with naming_changed_options(checkpoint.config, self.config.to_dict()):
            restore_training(*self._trained, checkpoint, source=str(self.saved))
        self.untrained = untrained_arrays(self.extra_modules, self.phases, checkpoint.arrays)
        self._restore_progress(checkpoint.progress)
        self.iteration = checkpoint.generator.iteration
        batches = sum(phase.batches_before(self.iteration) for phase in self.phases)
        self.loader = open_loader(self.config, self.dataset, first_batch=batches)
        logger.info("resumed from %s", self.saved)

    def _tidy(self) -> None:
        """Remove what a killed run left, and what it did not get to remove."""
        if parallel.rank() != 0:
            return
        remove_leftovers(self.config.output_dir)
        if self.saved in checkpoint_folders(self.config.output_dir):  # not of another run
            remove_superseded(self.saved, keep=self.config.schedule.keep_checkpoints)

    def describe(self) -> str:
        """Return configuration, layers and the shapes of one batch; writes nothing to disk."""
        text = dry_run(self.config, self.modules, next(self.loader))
        self.loader.close()
        return text

    def _progress(self) -> dict:
        """Return the rest of a checkpoint's state, apart from arrays, ready for JSON."""
        # Only where it decides the end: else equal runs have equal checkpoints.
        timed = self.config.schedule.minutes is not None
        seconds = {"training_seconds": self.meter.total_seconds} if timed else {}
        unreported = {"unreported": True} if self.unreported else {}
        return {
            "best_score": self.reporter.best_score,
            "interval": self.meter.state(),
            "average_updates": self.average.updates,
            "loss_scales": {phase: scale.state() for phase, scale in self.scales.items()},
            **seconds,
            **unreported,
        }

    def _restore_progress(self, progress: dict) -> None:
        self.reporter.best_score = progress["best_score"]
        self.unreported = progress.get("unreported", False)
        self.meter.restore(progress["interval"])
        self.meter.total_seconds = progress.get("training_seconds", 0.0)
        states = progress.get("loss_scales", {})  # older checkpoints have none
        for phase, scale in self.scales.items():
            scale.restore(states.get(phase, {}))
