# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""GAN losses against those of the authors' library."""

import numpy as np
import paddle
import pytest
import reference

from ppdeepfill.objectives.gan_losses import GAN_LOSSES, saturating
from ppdeepfill.objectives.gradient_penalty import slope_penalty

THEIRS = {
    "wasserstein": "gan_wgan_loss",
    "hinge": "gan_hinge_loss",
    "least_squares": "gan_ls_loss",
    "vanilla": "gan_log_loss",
}
TOLERANCE = 1e-6


def leaf(scores: np.ndarray) -> paddle.Tensor:
    return paddle.to_tensor(scores.astype(np.float64), stop_gradient=False)


@pytest.mark.parametrize("scores", ["fc", "patch"])
@pytest.mark.parametrize("name", GAN_LOSSES)
def test_agrees_with_authors(golden_dir, name, scores):
    arrays = np.load(golden_dir / "methods" / "gan_losses" / "gan_losses.npz")
    loss, theirs = GAN_LOSSES[name], f"{scores}/{THEIRS[name]}"
    real, fake = leaf(arrays[f"{scores}/pos"]), leaf(arrays[f"{scores}/neg"])
    critic = loss.critic(real, fake)
    critic.backward()
    assert reference.relative_error(critic, arrays[f"{theirs}/d_loss"]) < TOLERANCE
    assert reference.relative_error(real.grad, arrays[f"{theirs}/dd_dpos"]) < TOLERANCE
    assert reference.relative_error(fake.grad, arrays[f"{theirs}/dd_dneg"]) < TOLERANCE
    fake.clear_gradient()
    generator = loss.generator(fake)
    generator.backward()
    assert reference.relative_error(generator, arrays[f"{theirs}/g_loss"]) < TOLERANCE
    assert reference.relative_error(fake.grad, arrays[f"{theirs}/dg_dneg"]) < TOLERANCE


@pytest.mark.parametrize("masked", [False, True])
def test_slope_penalty_agrees_with_authors(golden_dir, masked):
    arrays = np.load(golden_dir / "methods" / "gan_losses" / "gan_losses.npz")
    x, y, alpha, mask = (
        arrays[f"gp/in_{name}"].astype(np.float64) for name in ("x", "y", "alpha", "mask")
    )
    between = leaf(x + alpha[:, :, None, None] * (y - x))
    w, v = (paddle.to_tensor(arrays[f"gp/in_{name}"].astype(np.float64)) for name in ("w", "v"))
    (paddle.sin(between) * w + between.square() * v).sum().backward()
    gradient = between.grad.transpose([0, 3, 1, 2])
    region = mask.transpose(0, 3, 1, 2) if masked else np.ones([1, 1, *x.shape[1:3]])
    ours = slope_penalty(gradient, paddle.to_tensor(region))
    theirs = arrays["gp/gp_mask" if masked else "gp/gp"]
    assert reference.relative_error(ours, theirs) < TOLERANCE


@pytest.mark.parametrize(
    ("name", "critic", "generator"),
    [
        ("wasserstein", -2.0, 0.5),
        ("hinge", 0.5 * (0.0 + 0.5), 0.5),
        ("least_squares", 0.5 * (0.25 + 0.25), 2.25),
        ("vanilla", 0.5 * (np.log1p(np.exp(-1.5)) + np.log1p(np.exp(-0.5))), np.log1p(np.exp(0.5))),
    ],
)
def test_by_hand(name, critic, generator):
    real, fake = paddle.to_tensor([[1.5]]), paddle.to_tensor([[-0.5]])
    assert float(GAN_LOSSES[name].critic(real, fake)) == pytest.approx(critic, rel=1e-6)
    assert float(GAN_LOSSES[name].generator(fake)) == pytest.approx(generator, rel=1e-6)


def test_scores_far_from_zero_stay_finite():
    far = paddle.to_tensor([[-1e4], [1e4]])
    for loss in GAN_LOSSES.values():
        assert np.isfinite(float(loss.critic(far, far))) and np.isfinite(float(loss.generator(far)))


def test_saturating_is_the_mean_of_log_one_minus_probability(golden_dir):
    arrays = np.load(golden_dir / "methods" / "glcic" / "discriminator_phases.npz")
    probability = arrays["scores/prob"].astype(np.float64)
    ours = float(saturating(paddle.to_tensor(np.log(probability / (1.0 - probability)))))
    assert ours == pytest.approx(float(arrays["scores/mean_log_1_minus_p"]), rel=1e-6)
