# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import json
import time

import paddle
import pytest

from ppdeepfill.training.meter import Meter


def test_means_count_each_scalar_by_its_own_updates():
    meter = Meter()
    for value in (1.0, 2.0, 6.0):
        meter.add({"critic": paddle.to_tensor(value)})
    meter.add({"generator": paddle.to_tensor(5.0)})
    assert meter.read().scalars == {"critic": 3.0, "generator": 5.0}
    assert meter.read().scalars == {}


def test_a_scalar_may_change_after_it_was_counted():
    meter, scalar = Meter(), paddle.to_tensor(1.0)
    meter.add({"loss": scalar.detach()})
    paddle.assign(paddle.to_tensor(9.0), output=scalar)
    assert meter.read().scalars == {"loss": 1.0}


def test_costs_are_per_iteration_and_include_the_waiting():
    meter = Meter()
    for _ in range(2):
        with meter.iteration():
            for _ in range(3):
                with meter.waiting(4):
                    time.sleep(0.01)
            time.sleep(0.02)
    reading = meter.read()
    assert reading.samples == 12
    assert 0.03 <= reading.reader_cost < reading.batch_cost
    assert reading.batch_cost >= 0.05


def test_an_interval_outlives_a_restart_exactly():
    values = [0.1, 0.7, 1e-3, 123.456]
    whole, before, after = Meter(), Meter(), Meter()
    for value in values:
        whole.add({"loss": paddle.to_tensor(value), "generator": paddle.to_tensor(-value)})
    for value in values[:2]:
        before.add({"loss": paddle.to_tensor(value), "generator": paddle.to_tensor(-value)})
    after.restore(json.loads(json.dumps(before.state())))
    for value in values[2:]:
        after.add({"loss": paddle.to_tensor(value), "generator": paddle.to_tensor(-value)})
    expected = whole.read().scalars
    found = after.read().scalars
    assert found == expected
    assert list(found) == list(expected)
    assert expected["loss"] == pytest.approx(sum(values) / 4)
