# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import paddle
import pytest

from ppdeepfill.reproduction.memory import (
    ON_CPU,
    ON_GPU,
    SHARE,
    available_memory,
    needed,
    parts_for,
)


@pytest.mark.parametrize("need", [ON_CPU, ON_GPU])
@pytest.mark.parametrize("memory", [2, 4, 6, 8, 11, 12, 16, 24, 40, 80])
def test_parts_divide_the_batch_fit_and_are_as_few_as_can_be(need, memory):
    parts = parts_for(memory, need, 48)
    assert 48 % parts == 0
    fitting = [n for n in range(1, 49) if 48 % n == 0 and needed(need, 48 // n) <= SHARE * memory]
    assert parts == (fitting[0] if fitting else 48)


def test_more_memory_never_needs_more_parts():
    parts = [parts_for(memory, ON_GPU, 48) for memory in range(1, 81)]
    assert parts == sorted(parts, reverse=True)
    assert parts[0] == 48 and parts[-1] == 1


def test_unknown_memory_leaves_the_batch_whole():
    assert parts_for(None, ON_GPU, 48) == 1
    assert available_memory("abacus:0") is None


def test_a_processor_tells_its_memory():
    assert paddle.device.get_device() == "cpu"
    assert 0.5 < available_memory("cpu") < 1e5


@pytest.mark.parametrize(("images", "measured"), [(1, 0.77), (2, 1.20), (4, 1.95)])
def test_a_need_is_not_below_what_was_measured(images, measured):
    assert needed(ON_GPU, images) >= measured
    assert needed(ON_GPU, images) - ON_GPU.fixed <= measured
