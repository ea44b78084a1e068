# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
import re

import pytest

from benchmarks import processes

TINY = processes.Case(image_size=32, base_channels=4, batch_size=2, iterations=2)


def test_an_untimed_iteration_comes_before_the_timed_ones(monkeypatch):
    monkeypatch.setattr(
        "ppdeepfill.training.trainer.Trainer.step", lambda trainer: steps.append(trainer)
    )
    steps = []
    assert len(processes.train(TINY)) == 2
    assert len(steps) == 3
    assert steps[0].config.data.batch_size == 2
    assert {(phase.name, phase.repeats) for phase in steps[0].phases} == {
        ("critic", 1),
        ("generator", 1),
    }


@pytest.mark.slow
def test_one_and_two_processes_are_compared(monkeypatch, capsys):
    monkeypatch.setattr(processes, "CASES", {"small": processes.CASES["small"]})
    processes.main()
    line = capsys.readouterr().out.splitlines()[-1]
    one, two, efficiency = (float(number) for number in re.findall(r"([\d.]+)(?= s|%)", line))
    assert efficiency == pytest.approx(100 * one / (2 * two), abs=1)
