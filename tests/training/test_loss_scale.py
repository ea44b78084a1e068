# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import paddle
import pytest

from ppdeepfill.training.precision import LossScale

LOSSES = [paddle.to_tensor(1.5)]
GOOD = [paddle.to_tensor([1.0, -2.0]), paddle.to_tensor([0.5])]
TOO_LARGE = [paddle.to_tensor([1.0, float("inf")]), paddle.to_tensor([0.5])]


def test_gradients_are_those_of_the_loss_itself():
    weight = paddle.create_parameter([2], "float32")
    scale = LossScale(2.0**10, largest=2.0**10)
    scale.scaled((weight * paddle.to_tensor([3.0, 1e-6])).sum()).backward()
    assert weight.grad.numpy().max() == 3.0 * 2.0**10
    scale.unscale_([weight.grad])
    assert weight.grad.numpy().tolist() == paddle.to_tensor([3.0, 1e-6]).tolist()


def test_an_overflow_halves_it_and_is_named(messages):
    scale = LossScale(8.0, largest=8.0)
    assert not scale.absorbs(LOSSES, GOOD, "first")
    assert scale.absorbs(LOSSES, TOO_LARGE, "critic update of iteration 3")
    assert scale.value == 4.0
    assert "skipped critic update of iteration 3" in messages.text


def test_updates_in_a_row_double_it_up_to_its_largest():
    scale = LossScale(2.0, largest=4.0, patience=2)
    values = []
    for gradients in (GOOD, TOO_LARGE, GOOD, GOOD, GOOD, GOOD, GOOD, GOOD):
        scale.absorbs(LOSSES, gradients, "")
        values.append(scale.value)
    assert values == [2.0, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 4.0]


def test_what_is_no_overflow_of_its_own_is_left_to_the_guard():
    scale = LossScale(8.0, largest=8.0)
    assert not scale.absorbs([paddle.to_tensor(float("nan"))], TOO_LARGE, "")
    assert scale.value == 8.0
    lowest = LossScale(1.0, largest=8.0)
    assert not lowest.absorbs(LOSSES, TOO_LARGE, "")
    assert lowest.value == 1.0


def test_without_16_bits_nothing_is_touched_or_waited_for():
    loss, scale = paddle.to_tensor(1.0), LossScale()
    assert scale.scaled(loss) is loss
    scale.unscale_(None)
    assert not scale.absorbs(None, None, "")
    assert scale.state() == {}


def test_state_goes_on_where_it_was():
    def values_of(scale, count):
        return [(scale.absorbs(LOSSES, GOOD, ""), scale.value) for _ in range(count)]

    scale = LossScale(2.0, largest=2.0**9, patience=3)
    values_of(scale, 4)
    again = LossScale(2.0**7, largest=2.0**9, patience=3)
    again.restore(scale.state())
    assert values_of(again, 7) == values_of(scale, 7)


@pytest.mark.parametrize(
    ("scale", "expected"), [(LossScale(), 1.0), (LossScale(4.0, largest=8.0), 8.0)]
)
def test_a_state_of_another_precision_stays_within_its_largest(scale, expected):
    scale.restore({"value": 2.0**20, "in_a_row": 5})
    assert scale.value == expected
    first = LossScale(4.0, largest=8.0)
    first.restore(LossScale().state())  # of a checkpoint in float32
    assert first.value == 4.0
