# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Losses, gradients and trajectories against both reference implementations."""

import json

import numpy as np
import paddle
import pytest

from ppdeepfill.alignment import recipes, stored
from ppdeepfill.alignment.authors import PHASES
from ppdeepfill.alignment.port import train
from ppdeepfill.alignment.references import (
    authors_batch,
    authors_objective,
    fix_mix,
    make_batch,
    port_objective,
    precision,
    train_only,
)
from ppdeepfill.alignment.updates import AuthorsUpdates, PortUpdates
from ppdeepfill.objectives.gradient_penalty import slope_penalty
from ppdeepfill.weights.converters.deepfill_v1 import critics_names, generator_names


def assert_losses(terms: dict, theirs: dict, tolerance: float):
    for name, value in theirs.items():
        assert float(terms[name]) == pytest.approx(float(value), rel=tolerance), name


# --- the PyTorch port -------------------------------------------------------------------------


@pytest.fixture
def float64():
    with precision("float64"):
        yield


@pytest.mark.parametrize("iterations", [10, pytest.param(20, marks=pytest.mark.slow)])
def test_trajectory_of_port(float64, iterations):
    """Both networks, both optimizers and every term over many updates, to the seventh digit.

    In float64: one leaky ReLU of a critic that falls on the other side of its kink moves a
    float32 trajectory by 1e-2. (The port's discount is rounded to float32, ours is not: 1e-8.)
    """
    arrays = stored.load("torch_trajectory")
    history = train(PortUpdates(port_objective(64, 32)), arrays, iterations)
    for key in (key for key in arrays if key.startswith("loss/")):
        ours = [terms.get(key.removeprefix("loss/"), np.nan) for terms in history]
        tolerance = 1e-7 * np.nanmax(np.abs(arrays[key]))
        np.testing.assert_allclose(
            ours, arrays[key][:iterations], rtol=0, atol=tolerance, err_msg=key
        )


@pytest.mark.slow
@pytest.mark.parametrize("case", ["B_same", "B_diff"])
def test_losses_and_gradients_of_port(golden_dir, float64, case):
    arrays = np.load(golden_dir / "torch" / "losses_and_grads.npz")
    precise = np.load(golden_dir / "torch" / "losses_and_grads_f64.npz")
    facts = json.loads((golden_dir / "torch" / "losses_and_grads.json").read_text())
    objective = port_objective(256, 128)
    image = recipes.blocks(facts["cases"][case]["image"][1], (2, 3, 256, 256))
    mask = recipes.rectangles((256, 256), arrays[f"{case}/mask_rects_tblr"])
    batch = make_batch(image, mask, arrays[f"{case}/bbox_tlhw"])
    local, whole = 1.0 - arrays[f"{case}/alpha"].astype(np.float64)
    fix_mix(objective, whole, local)

    for phase, prefix, names, theirs in (
        ("generator", "netG.", generator_names(), {"hole_l1": "l1", "known_l1": "ae"}),
        ("critic", "", critics_names(), {"wasserstein": "wgan_d", "gradient_penalty": "wgan_gp"}),
    ):
        module = objective.network if phase == "generator" else objective.critics
        compute = objective.generator_loss if phase == "generator" else objective.critic_loss
        train_only(objective, phase)
        loss, terms = compute(batch)
        expected = {ours: precise[f"{case}/loss/{name}__f64"] for ours, name in theirs.items()}
        assert_losses(terms, expected, 1e-7)
        loss.backward()
        parameters = dict(module.named_parameters())
        for ours, port, _ in names:
            for kind in ("weight", "bias"):
                gradient = parameters[f"{ours}.{kind}"].grad.numpy()
                key = f"{prefix}{port}.{kind}__f64"
                norm = float(precise[f"{case}/gradnorm/{key}"])
                assert np.linalg.norm(gradient) == pytest.approx(norm, rel=1e-6, abs=1e-9), port
                if f"{case}/grad/{key}" in precise.files:
                    full = precise[f"{case}/grad/{key}"]
                    full = full.T if port.endswith("linear") and kind == "weight" else full
                    np.testing.assert_allclose(
                        gradient, full, rtol=0, atol=1e-6 * np.abs(full).max() + 1e-9, err_msg=key
                    )


# --- the authors' code ------------------------------------------------------------------------

TF_CASES = {
    "A_default": {},
    "B_noshrink": {},
    "C_pretrain_coarse": {"coarse_only": True},
    "D_no_discount": {"discount": 1.0},
}


def stored_batch(arrays, case: str):
    facts = {name: arrays[f"{case}.{name}"] for name in ("image_uint8", "bbox_tlhw", "shrink_hw")}
    return authors_batch(facts["image_uint8"], facts)


@pytest.mark.parametrize(
    "case",
    ["A_default", *(pytest.param(c, marks=pytest.mark.slow) for c in list(TF_CASES)[1:])],
)
def test_losses_and_gradients_of_authors(golden_dir, case):
    arrays = np.load(golden_dir / "tensorflow" / "losses_tf.npz")
    objective = authors_objective(**TF_CASES[case])
    batch = stored_batch(arrays, case)

    train_only(objective, "generator")
    loss, terms = objective.generator_loss(batch)
    theirs = {"loss": "g_loss", "hole_l1": "l1_loss", "known_l1": "ae_loss"}
    assert_losses(
        terms | {"loss": loss}, {k: arrays[f"{case}.{v}"] for k, v in theirs.items()}, 1e-5
    )
    check_tensorflow_gradients(loss, objective.network, generator_names(), arrays, case, "g_loss")
    if not objective.adversarial:
        return

    fix_mix(objective, arrays[f"{case}.alpha_global"], arrays[f"{case}.alpha_local"])
    train_only(objective, "critic")
    loss, terms = objective.critic_loss(batch)
    penalty = float(arrays[f"{case}.gp_loss"])
    difference = float(arrays[f"{case}.d_loss"]) - penalty
    assert float(terms["wasserstein"]) == pytest.approx(difference, abs=1e-5)
    # In case D, one leaky ReLU on the other side of its kink moves the penalty by 2.6e-4: so it is
    # in float64, and in float32 with some ways to add up.
    assert float(terms["gradient_penalty"]) * 10.0 == pytest.approx(penalty, rel=1e-4)
    check_tensorflow_gradients(loss, objective.critics, critics_names(), arrays, case, "d_loss")


def check_tensorflow_gradients(loss, module, names, arrays, case, which):
    """Norms against the stored ones.

    The reference's own float32 gradient of a last bias is off by 1.5e-4 from float64; under the
    penalty, kinks of the leaky ReLU move single tensors by up to 5e-3.
    """
    loss.backward()
    parameters = dict(module.named_parameters())
    for ours, _, theirs in names:
        for kind, their_kind in (("weight", "kernel"), ("bias", "bias")):
            key = f"{case}.gnorm.{which}.{theirs}/{their_kind}"
            gradient = parameters[f"{ours}.{kind}"].grad
            if f"{case}.grad_none.{which}.{theirs}/{their_kind}" in arrays.files:
                assert gradient is None or float(gradient.abs().max()) == 0.0, theirs
            elif key in arrays.files and float(arrays[key]) > 1e-6:
                norm = float(gradient.norm())
                limit = 2e-4 if which == "g_loss" else 5e-3
                assert norm == pytest.approx(float(arrays[key]), rel=limit), theirs


@pytest.mark.slow
def test_trajectory_of_authors(golden_dir):
    """Three times five critic updates and a generator update, on one batch.

    The authors' one Adam object advances its beta powers at every update of either network.
    """
    arrays = np.load(golden_dir / "tensorflow" / "losses_tf.npz")
    objective = authors_objective()
    batch = stored_batch(arrays, "A_default")
    fix_mix(objective, arrays["A_default.alpha_global"], arrays["A_default.alpha_local"])
    updates = AuthorsUpdates(objective)
    rows = [
        dict(zip(arrays["traj.loss_names"].tolist(), values, strict=True))
        for values in arrays["traj.losses"].tolist()
    ]
    for step, kind in enumerate(arrays["traj.step_kind"].tolist()[:-1]):
        ours = updates.step(batch, PHASES[kind])
        if kind == 0:
            assert ours["d_loss"] == pytest.approx(rows[step]["d_loss"], abs=0.3), step  # up to 95
        else:
            assert_losses(ours, {name: rows[step][name] for name in ("g_loss", "l1_loss")}, 2e-3)
    last = updates.losses(batch, "generator")
    assert_losses(last, {name: rows[-1][name] for name in ("g_loss", "l1_loss")}, 2e-3)


def test_gradient_penalty_of_authors(golden_dir):
    arrays = np.load(golden_dir / "tensorflow" / "losses_tf.npz")
    x, w, mask = (arrays[f"unit.gp.{name}"] for name in ("x", "w", "mask"))
    x, w, mask = x.transpose(0, 3, 1, 2), w.transpose(2, 0, 1), mask.transpose(0, 3, 1, 2)
    image, weight = paddle.to_tensor(x.copy()), paddle.to_tensor(w.copy())

    image.stop_gradient = False
    (gradient,) = paddle.grad((image.sin() * weight).sum(), image)

    def penalty(region):
        return float(slope_penalty(gradient, region))

    masked, everywhere = paddle.to_tensor(mask.copy()), paddle.ones_like(image[:, :1])
    assert penalty(masked) == pytest.approx(float(arrays["unit.gp.masked"]), rel=1e-5)
    assert penalty(everywhere) == pytest.approx(float(arrays["unit.gp.nomask"]), rel=1e-5)
