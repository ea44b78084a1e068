# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The learning rate as a function of the iteration alone, so that a resumed run has the same."""

import math
from bisect import bisect_right

from paddle.optimizer.lr import LambdaDecay

from ppdeepfill.config import LearningRateConfig


def learning_rate_factor(schedule: LearningRateConfig, iteration: int, *, iterations: int) -> float:
    """The factor on the learning rate.

    Args:
        schedule: of the configuration.
        iteration: how many are done, from 0.
        iterations: of the whole run, where the cosine ends.

    Returns:
        In 0..1; linear over the warm-up, whose first iteration has 1 / warmup, then by `kind`.
    """
    if iteration < schedule.warmup:
        return (iteration + 1) / schedule.warmup
    if schedule.kind == "cosine":
        begin = max(schedule.cosine_from, schedule.warmup)
        progress = (iteration - begin) / max(iterations - begin, 1)
        wave = (1.0 + math.cos(math.pi * min(max(progress, 0.0), 1.0))) / 2.0
        return schedule.cosine_floor + (1.0 - schedule.cosine_floor) * wave
    if schedule.kind == "steps":
        return schedule.step_factor ** bisect_right(sorted(schedule.steps), iteration)
    return 1.0


def scheduler(learning_rate: float, schedule: LearningRateConfig, iterations: int) -> LambdaDecay:
    """Paddle's form of it; `step(iteration)` sets the rate of an iteration."""
    return LambdaDecay(
        learning_rate,
        lambda iteration: learning_rate_factor(schedule, iteration, iterations=iterations),
    )
