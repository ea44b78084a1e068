# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import paddle
import pytest
from paddle import nn
from paddle.optimizer import Adadelta, Adam
from small_run import small_config

from ppdeepfill.errors import ConfigError
from ppdeepfill.objectives import Phase
from ppdeepfill.training.optimizers import build_optimizers, build_schedulers


def build(photos, of, **settings):
    config = small_config(photos, "run", optimizer=settings)
    return build_optimizers(config, of, build_schedulers(config, of))


def phase(name, **fields):
    return Phase(name, nn.Linear(1, 1, bias_attr=False), None, **fields)


def test_each_phase_may_have_values_of_its_own(photos):
    phases = [phase("critic"), phase("generator")]
    found = build(photos, phases, beta2=0.8, phases={"critic": {"learning_rate": 0.5}})
    assert isinstance(found["critic"], Adam)
    assert (found["critic"].get_lr(), found["generator"].get_lr()) == (0.5, 1e-4)
    assert found["critic"]._beta2 == found["generator"]._beta2 == 0.8


def test_phases_that_name_one_optimizer_share_it(photos):
    first = phase("completion", stop=3)
    joint = first._replace(name="joint", start=3, stop=None, optimizer="completion")
    assert list(build(photos, [first, joint])) == ["completion"]


def test_adadelta_takes_the_steps_of_its_paper(photos):
    """Zeiler 2012, algorithm 1, times the learning rate."""
    completion = phase("completion")
    settings = {"name": "adadelta", "learning_rate": 0.7, "rho": 0.9, "epsilon": 1e-6}
    optimizer = build(photos, [completion], **settings)["completion"]
    assert isinstance(optimizer, Adadelta)
    weight = completion.trains.weight
    expected, squares, updates = weight.item(), 0.0, 0.0
    for x in (1.0, -2.0, 0.5, 3.0):
        completion.trains(paddle.to_tensor([[x]])).sum().backward()
        optimizer.step()
        optimizer.clear_grad()
        squares = 0.9 * squares + 0.1 * x * x
        step = np.sqrt(updates + 1e-6) / np.sqrt(squares + 1e-6) * x
        updates = 0.9 * updates + 0.1 * step * step
        expected -= 0.7 * step
        assert weight.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("phases", "words"),
    [
        ({"critics": {"beta1": 0.1}}, "unknown phase 'critics', did you mean critic"),
        ({"critic": {"beta3": 0.1}}, "has no key 'beta3'; known keys: name, learning_rate"),
        ({"critic": {"beta1": 1.5}}, "optimizer.phases.critic.beta1 must be less than 1"),
    ],
)
def test_mistakes_in_the_phases_are_named(photos, phases, words):
    with pytest.raises(ConfigError, match=words):
        build(photos, [phase("critic")], phases=phases)
