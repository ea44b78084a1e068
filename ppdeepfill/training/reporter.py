# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Measure and report training progress, in process 0 only."""

import logging
import math
from collections.abc import Mapping
from contextlib import ExitStack

from paddle import nn

from ppdeepfill import parallel
from ppdeepfill.config import Config
from ppdeepfill.data import InpaintingDataset
from ppdeepfill.training.average import WeightAverage
from ppdeepfill.training.description import introduction
from ppdeepfill.training.images import open_dataset
from ppdeepfill.training.log import TrainingLog
from ppdeepfill.training.meter import Meter
from ppdeepfill.training.pictures import draw_samples, fixed_samples
from ppdeepfill.training.state import generator_of
from ppdeepfill.training.validation import ValidationSet, validate, validate_baselines
from ppdeepfill.weights.checkpoint import save_best

VALIDATION_BATCH = 8  # images; without gradients this takes less memory than training

logger = logging.getLogger(__name__)


class Reporter:
    """Log lines, pictures, validation and the best model of one run; a context manager.

    Args:
        config: configuration of the run.
        network: the network being trained.
        dataset: the training images.
        average: average of its weights, which is used for pictures, scores and the best model.

    Attributes:
        best_score: the lowest validated `hole_l1` so far; None before the first validation.
    """

    def __init__(
        self,
        config: Config,
        network: nn.Layer,
        dataset: InpaintingDataset,
        average: WeightAverage,
    ):
        self.config = config
        self.network = network
        self.average = average
        self.dataset = dataset
        self.validation: ValidationSet | None = None
        if config.schedule.validate and config.data.validation is not None:
            images = open_dataset(config, config.data.validation)
            self.validation = ValidationSet(images, config.data.validation_images)
        self.best_score: float | None = None
        self._is_first = parallel.rank() == 0

    def __enter__(self) -> "Reporter":
        self._open = ExitStack()
        if self._is_first:
            self._log = self._open.enter_context(TrainingLog(self.config))
        return self

    def __exit__(self, *exception) -> None:
        self._open.__exit__(*exception)

    def start(self, iteration: int, modules: Mapping[str, nn.Layer]) -> None:
        """Log the introduction of a run that continues after `iteration`."""
        if not self._is_first:
            return
        images = {"training": len(self.dataset), "validation": len(self.validation or ())}
        logger.info(introduction(self.config, modules, images))
        self._log.start(iteration)
        self._samples = fixed_samples(self.validation.dataset if self.validation else self.dataset)
        if self.validation and iteration == 0:
            for name, scores in validate_baselines(self.validation).items():
                logger.info("to beat: %s, hole_l1: %.4f, psnr: %.2f", name, *scores.values())

    def report(self, iteration: int, meter: Meter, *, learning_rate: float, last: bool) -> None:
        """Log, draw and validate if that is due after an iteration.

        Args:
            iteration: number of finished iterations.
            meter: measurements since the last log line.
            learning_rate: learning rate of the network in this iteration.
            last: the run ends with this iteration.
        """
        if not self._is_first:
            return
        schedule = self.config.schedule
        self._log.advance()
        if is_due(iteration, schedule.log_every, last=last):
            self._log.train(iteration, meter.read(), learning_rate=learning_rate)
        if self._samples and is_due(iteration, schedule.image_every, last=last):
            with self.average.applied():
                self._log.picture(iteration, draw_samples(self.network, self._samples))
        if self.validation and is_due(iteration, schedule.validate_every, last=last):
            with self.average.applied():
                self._validate(iteration)

    def _validate(self, iteration: int) -> None:
        scores = validate(self.network, self.validation, batch_size=VALIDATION_BATCH)
        self._log.validate(iteration, scores)
        score = scores["hole_l1"]
        if math.isfinite(score) and (self.best_score is None or score < self.best_score):
            generator = generator_of(self.config, self.network, iteration)
            path = save_best(self.config.output_dir, generator)
            self.best_score = score
            logger.info("best so far: %s", path)


def is_due(iteration: int, every: int, *, last: bool) -> bool:
    """Return whether something done every `every` iterations is due; at the end it always is."""
    return last or iteration % every == 0
