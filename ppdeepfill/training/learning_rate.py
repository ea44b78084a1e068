# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The learning rate, which depends on the iteration alone, so a resumed run gets the same one."""

import math
from bisect import bisect_right

from paddle.optimizer.lr import LambdaDecay

from ppdeepfill.config import LearningRateConfig


def learning_rate_factor(schedule: LearningRateConfig, iteration: int, *, iterations: int) -> float:
    """Return the factor on the learning rate.

    Args:
        schedule: settings from the configuration.
        iteration: number of finished iterations, from 0.
        iterations: length of the whole run, where the cosine ends.

    Returns:
        A factor in 0..1. It grows linearly over the warm-up, from 1 / warmup in the first
        iteration, and then follows `kind`.
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
    """Return a Paddle scheduler whose `step(iteration)` sets the rate of that iteration."""
    return LambdaDecay(
        learning_rate,
        lambda iteration: learning_rate_factor(schedule, iteration, iterations=iterations),
    )
