# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The checks pass, and fail when one thing is wrong."""

import numpy as np
import pytest

from ppdeepfill.alignment import authors, port, references, stored, updates
from ppdeepfill.errors import AlignmentError
from ppdeepfill.networks import build_network

BOTH = [authors, pytest.param(port, marks=pytest.mark.slow)]


@pytest.fixture
def one_weight_off(monkeypatch):
    """Every layer gets one weight that is wrong in the third digit."""
    load = references.load_weights

    def wrong(layer, arrays, **options):
        name = min(arrays)
        changed = arrays[name].copy()
        changed.flat[0] += 1e-3
        load(layer, arrays | {name: changed}, **options)

    monkeypatch.setattr(references, "load_weights", wrong)


@pytest.fixture
def padding_of_the_other(monkeypatch):
    """Either network with the border arithmetic of the other reference."""
    other = {"deepfill_v1": "deepfill_v1_torch", "deepfill_v1_torch": "deepfill_v1"}
    monkeypatch.setattr(references, "build_network", lambda name: build_network(other[name]))


@pytest.mark.parametrize("reference", BOTH)
def test_the_forward_check_passes(reference):
    comparison = reference.forward()
    assert comparison.passed
    assert list(comparison.ours) == ["coarse", "refined", "offsets"]
    assert comparison.ours["offsets"].size > 500


@pytest.mark.parametrize("reference", BOTH)
def test_the_forward_check_notices_one_weight(reference, one_weight_off):
    assert not reference.forward().passed


@pytest.mark.parametrize("reference", BOTH)
def test_the_forward_check_notices_the_padding_of_the_other(reference, padding_of_the_other):
    assert not reference.forward().passed


def test_the_metric_check_of_authors_passes_and_notices_a_weight(request):
    assert authors.metric().passed
    request.getfixturevalue("one_weight_off")
    assert not authors.metric().passed


@pytest.mark.slow
def test_the_metric_check_of_port_passes_and_notices_a_weight(request):
    assert port.metric().passed
    request.getfixturevalue("one_weight_off")
    assert not port.metric().passed


def port_losses_and_gradients() -> list:
    with references.precision("float64"):
        return list(port.losses_and_gradients())


def test_loss_and_backward_checks_of_port_pass():
    loss, backward = port_losses_and_gradients()
    assert loss.passed and backward.passed
    assert len(loss.ours) == 7
    assert len([n for n in backward.ours if n.startswith("gradient_norm/")]) == 104
    assert {"loss_0", "lr_0", "loss_1", "lr_1", "loss_2", "lr_2"} <= set(backward.ours)


def failing(comparison) -> set[str]:
    return {d.name for d in comparison.differences() if not comparison.accepts(d)}


@pytest.mark.slow
def test_loss_and_backward_checks_notice_another_objective(monkeypatch):
    monkeypatch.setitem(references.PORT, "penalty_region", "hole")
    loss, backward = port_losses_and_gradients()
    assert failing(loss) == {"wgan_gp", "d"}
    assert "gradient_norm/whole.to_score.weight" in failing(backward)


@pytest.mark.slow
def test_the_backward_check_notices_another_optimizer(monkeypatch):
    monkeypatch.setattr(updates, "BETA1", 0.9)
    loss, backward = port_losses_and_gradients()
    assert loss.passed
    assert failing(backward) == {"loss_2"}  # Adam's first step is the same for any beta1


@pytest.mark.slow
def test_the_training_check_of_port_passes_and_notices_the_learning_rate(monkeypatch):
    with references.precision("float64"):
        assert port.training().passed
        monkeypatch.setattr(updates, "LEARNING_RATE", 1.001e-4)
        assert not port.training().passed


@pytest.mark.slow
def test_the_other_checks_of_authors_pass():
    steps = list(authors.learning())
    assert [comparison.step for comparison in steps] == ["loss", "backward", "training"]
    assert all(comparison.passed for comparison in steps)
    assert [value.shape for value in steps[2].ours.values()] == [(2,), (2,), (5,), (5,), (2,)]


@pytest.mark.slow
def test_the_other_checks_of_authors_notice_another_objective(monkeypatch):
    monkeypatch.setitem(references.AUTHORS, "penalty_region", "image")
    assert not any(comparison.passed for comparison in authors.learning())


def test_missing_arrays_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(stored, "FOLDER", tmp_path)
    with pytest.raises(AlignmentError, match=r"tensorflow_metric\.npz.*reinstall it"):
        stored.load("tensorflow_metric")


def test_damaged_arrays_are_named(monkeypatch, tmp_path):
    whole = (stored.FOLDER / "torch_trajectory.npz").read_bytes()
    (tmp_path / "torch_trajectory.npz").write_bytes(whole[: len(whole) // 2])
    monkeypatch.setattr(stored, "FOLDER", tmp_path)
    with pytest.raises(AlignmentError, match=r"torch_trajectory\.npz"):
        port.training()


def test_other_photographs_are_refused():
    with pytest.raises(AlignmentError, match=r"astronaut\.png"):
        port.photographs(np.zeros(2, np.uint32))
