# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import paddle
import pytest

from ppdeepfill.errors import UserError
from ppdeepfill.training.guard import FiniteGuard

GOOD = [paddle.to_tensor(1.0), paddle.full([2, 3], -1e19)]


def bad(value):
    tensor = paddle.zeros([2, 3])
    tensor[1, 2] = value
    return [paddle.to_tensor(1.0), tensor]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 2e19])
def test_one_value_that_is_not_finite_forbids_the_update(value, caplog):
    guard = FiniteGuard(2)
    assert guard.allows(GOOD, "first")
    assert not guard.allows(bad(value), "critic update of iteration 3, samples 4 to 7")
    assert "skipped critic update of iteration 3, samples 4 to 7" in caplog.text


def test_a_good_update_starts_the_count_anew():
    guard = FiniteGuard(2)
    for _ in range(3):
        assert not guard.allows(bad(float("nan")), "bad")
        assert guard.allows(GOOD, "good")


def test_the_last_of_too_many_ends_the_run():
    guard = FiniteGuard(3)
    assert not guard.allows(bad(float("nan")), "a")
    assert not guard.allows(bad(float("nan")), "b")
    with pytest.raises(UserError, match=r"3 updates in a row.*recently c.*learning_rate"):
        guard.allows(bad(float("nan")), "c")
