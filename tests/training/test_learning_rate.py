# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import pytest

from ppdeepfill.config import LearningRateConfig
from ppdeepfill.training.learning_rate import learning_rate_factor, scheduler


def factors(iterations=10, **schedule):
    settings = LearningRateConfig(**schedule)
    return [learning_rate_factor(settings, i, iterations=iterations) for i in range(iterations)]


def test_constant_is_one_throughout():
    assert factors() == [1.0] * 10


def test_warm_up_is_linear_and_ends_at_one():
    assert factors(warmup=4)[:6] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_cosine_falls_from_one_to_its_floor():
    found = factors(kind="cosine", cosine_floor=0.2)
    assert found[0] == 1.0
    assert found[5] == pytest.approx(0.6)  # half way
    assert found == sorted(found, reverse=True)
    settings = LearningRateConfig(kind="cosine", cosine_floor=0.2)
    for beyond in (10, 11, 1000):  # a run may go on past its end
        assert learning_rate_factor(settings, beyond, iterations=10) == pytest.approx(0.2)


def test_cosine_may_begin_late():
    found = factors(kind="cosine", warmup=2, cosine_from=6)
    assert found[:2] == [0.5, 1.0]
    assert found[2:7] == [1.0] * 5
    assert found[8] == pytest.approx(0.5)
    # Where the cosine would begin within the warm-up, it begins after it.
    assert factors(kind="cosine", warmup=4, cosine_from=1)[4] == 1.0


def test_steps_multiply_at_their_iterations_in_any_order():
    found = factors(kind="steps", steps=[7, 3], step_factor=0.5)
    assert found == [1.0] * 3 + [0.5] * 4 + [0.25] * 3


def test_paddles_scheduler_gives_the_rate_of_any_iteration():
    rate = scheduler(0.5, LearningRateConfig(warmup=4), 10)
    for iteration, expected in [(0, 0.125), (9, 0.5), (1, 0.25)]:
        rate.step(iteration)
        assert rate() == expected
