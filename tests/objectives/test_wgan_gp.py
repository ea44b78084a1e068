# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What the objective must do whatever the reference."""

from typing import NamedTuple

import numpy as np
import paddle
import pytest
from paddle import Tensor

from ppdeepfill.networks import build_network
from ppdeepfill.objectives import build_objective
from ppdeepfill.objectives.gan_losses import GAN_LOSSES
from ppdeepfill.objectives.reconstruction import (
    box_edge_discount,
    crop,
    hole_l1,
    known_l1_per_known_pixel,
    known_l1_per_pixel,
    nearest_known_discount,
    total_variation,
)


class Batch(NamedTuple):
    image: Tensor
    mask: Tensor
    bboxes: np.ndarray
    sample_numbers: np.ndarray

    def samples(self, chosen: slice) -> "Batch":
        return Batch(*(x[chosen] for x in self))


@pytest.fixture
def batch(rng) -> Batch:
    """Four 32 x 32 images; boxes of 16 x 16 with a smaller hole inside, different in each."""
    image = paddle.to_tensor(rng.uniform(-1, 1, (4, 3, 32, 32)).astype(np.float32))
    mask = np.zeros((4, 1, 32, 32), np.float32)
    bboxes = np.array([[0, 0, 16, 16], [16, 3, 16, 16], [5, 16, 16, 16], [8, 8, 16, 16]])
    for number, (hole, (top, left, height, width)) in enumerate(zip(mask, bboxes, strict=True)):
        hole[:, top + number : top + height - number, left + 1 : left + width - 1] = 1.0
    return Batch(image, paddle.to_tensor(mask), bboxes, np.arange(10, 14))


def make_objective(**options):
    network = build_network("deepfill_v1", base_channels=4)
    sizes = {"image_size": (32, 32), "local_size": (16, 16)}
    return build_objective("wgan_gp", network, seed=3, **sizes, critic_channels=4, **options)


def gradients(module) -> dict:
    return {name: parameter.grad for name, parameter in module.named_parameters()}


def test_critic_update_builds_no_graph_of_the_generator(batch):
    objective = make_objective()
    loss, _ = objective.critic_loss(batch)
    loss.backward()
    assert all(gradient is None for gradient in gradients(objective.network).values())
    reached = gradients(objective.critics)
    assert all(float(g.abs().max()) > 0 for n, g in reached.items() if n.endswith("weight"))


def test_generator_update_reaches_every_weight(batch):
    objective = make_objective()
    loss, _ = objective.generator_loss(batch)
    loss.backward()
    for name, gradient in gradients(objective.network).items():
        assert gradient is not None and float(gradient.abs().max()) > 0.0, name


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"discount_distance": "box_edge", "hole_l1_on": "completed"},
        {"known_l1": "per_pixel", "penalty_region": "image"},
        {"gan_loss": "hinge", "gradient_penalty_weight": 0.0, "total_variation_weight": 1.0},
        {"gan_loss": "vanilla"},
        {"perceptual_weight": 0.05, "style_weight": 120.0, "vgg_weights": "random"},
    ],
)
def test_loss_of_a_batch_is_the_mean_over_its_halves(batch, options):
    """So several processes with parts of a batch train as one does with the whole batch."""
    objective = make_objective(**options)
    for compute in (objective.critic_loss, objective.generator_loss):
        whole, terms = compute(batch)
        halves = [compute(batch.samples(part)) for part in (slice(0, 2), slice(2, 4))]
        assert float(whole) == pytest.approx(np.mean([float(h) for h, _ in halves]), rel=1e-4)
        for name, term in terms.items():
            mean = np.mean([float(half[name]) for _, half in halves])
            assert float(term) == pytest.approx(mean, rel=1e-4, abs=1e-5), name


@pytest.mark.parametrize("gan_loss", GAN_LOSSES)
def test_critics_of_every_gan_loss_learn_and_are_named_in_the_log(batch, gan_loss):
    objective = make_objective(gan_loss=gan_loss, gradient_penalty_weight=0.0)
    optimizer = paddle.optimizer.Adam(1e-3, parameters=objective.critics.parameters())
    losses = []
    for _ in range(12):
        loss, terms = objective.critic_loss(batch)
        assert set(terms) == {gan_loss}
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        losses.append(float(loss))
    assert losses[-1] < losses[0]


def test_total_variation_by_hand():
    image = paddle.to_tensor([[[[0.0, 1.0], [3.0, 5.0]]]])
    assert float(total_variation(image)) == pytest.approx((3.0 + 4.0) / 2 + (1.0 + 2.0) / 2)


def test_terms_of_vgg_are_of_the_completed_image(batch):
    options = {"perceptual_weight": 0.5, "style_weight": 2.0}
    objective = make_objective(adversarial_weight=0.0, vgg_weights="random", **options)
    plain = make_objective(adversarial_weight=0.0)
    plain.network.set_state_dict(objective.network.state_dict())
    loss, terms = objective.generator_loss(batch)
    expected = float(plain.generator_loss(batch)[0])
    expected += 0.5 * float(terms["perceptual"]) + 2.0 * float(terms["style"])
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    known = batch._replace(mask=paddle.zeros_like(batch.mask))
    _, terms = objective.generator_loss(known)
    assert float(terms["perceptual"]) == float(terms["style"]) == 0.0


def test_terms_of_vgg_need_its_weights():
    with pytest.raises(ValueError, match="vgg_weights"):
        make_objective(style_weight=1.0)


def test_coarse_only_leaves_the_rest_alone(batch):
    objective = make_objective(coarse_only=True)
    assert [phase.name for phase in objective.phases()] == ["generator"]
    assert objective.extra_modules == {}
    loss, terms = objective.generator_loss(batch)
    loss.backward()
    assert set(terms) == {"hole_l1", "known_l1"}
    for name, gradient in gradients(objective.network).items():
        assert (gradient is None) == name.startswith("refinement."), name


def test_no_critics_without_adversarial_weight(batch):
    objective = make_objective(adversarial_weight=0.0)
    assert [phase.name for phase in objective.phases()] == ["generator"]
    assert set(objective.generator_loss(batch)[1]) == {"hole_l1", "known_l1"}


def test_phases_repeat_the_critics(batch):
    critic, generator = make_objective(critic_steps=3).phases()
    assert (critic.name, critic.repeats) == ("critic", 3)
    assert (generator.name, generator.repeats) == ("generator", 1)


@pytest.mark.parametrize(
    ("critic_steps", "expected"),
    [
        (3, [("critic", 2, True), ("generator", 1, True), ("critic", 1, False)]),
        (1, [("generator", 1, True), ("critic", 1, False)]),
    ],
)
def test_the_last_critic_update_takes_the_batch_that_is_shared(critic_steps, expected):
    phases = make_objective(critic_steps=critic_steps, share_last_batch=True).phases()
    assert [(phase.name, phase.repeats, phase.fresh_batch) for phase in phases] == expected


def test_a_shared_batch_is_completed_once(batch):
    objective, alone = (make_objective(share_last_batch=True) for _ in range(2))
    for module in ("network", "critics"):
        getattr(alone, module).set_state_dict(getattr(objective, module).state_dict())
    expected, _ = alone.critic_loss(batch)
    objective.generator_loss(batch)
    other = batch.samples(slice(0, 2))
    calls = []
    objective.network.coarse.encoder.register_forward_pre_hook(lambda *_: calls.append(1))
    shared, _ = objective.critic_loss(batch)
    assert not calls
    assert float(shared) == pytest.approx(float(expected), rel=1e-5)
    objective.generator_loss(batch)
    calls.clear()
    objective.critic_loss(other)
    objective.critic_loss(batch)
    assert len(calls) == 2


def test_a_batch_is_completed_anew_where_it_is_not_shared(batch):
    objective = make_objective()
    objective.generator_loss(batch)
    calls = []
    objective.network.coarse.encoder.register_forward_pre_hook(lambda *_: calls.append(1))
    objective.critic_loss(batch)
    assert calls


def test_mix_depends_on_seed_and_sample_numbers_only():
    objective = make_objective()
    together = objective.draw_mix(np.array([5, 9]))
    alone = objective.draw_mix(np.array([9]))
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one[1:].numpy(), other.numpy())
        assert one.shape == [2, 1, 1, 1]
    assert float((together.whole - together.local).abs().min()) > 0.0
    objective.seed = 4
    assert (objective.draw_mix(np.array([9])).whole - alone.whole).abs().item() > 0.0


def test_l1_terms_see_their_region_only(batch):
    error_in_hole = batch.image + 0.5 * batch.mask
    error_outside = batch.image + 0.5 * (1.0 - batch.mask)
    discount = paddle.to_tensor(nearest_known_discount(batch.mask.numpy(), 1.0).astype("float32"))
    assert float(hole_l1(error_in_hole, batch, discount)) == pytest.approx(0.5, rel=1e-5)
    assert float(hole_l1(error_outside, batch, discount)) == 0.0
    assert float(known_l1_per_known_pixel(error_outside, batch)) == pytest.approx(0.5, rel=1e-5)
    assert float(known_l1_per_known_pixel(error_in_hole, batch)) == 0.0
    known = float(1.0 - batch.mask.mean())
    assert float(known_l1_per_pixel(error_outside, batch)) == pytest.approx(0.5 * known, rel=1e-5)


def test_nearest_known_discount_falls_with_the_distance():
    mask = np.zeros((1, 1, 9, 9), np.float32)
    mask[:, :, 2:7, 2:7] = 1.0
    discount = nearest_known_discount(mask, 0.5)[0, 0]
    np.testing.assert_allclose(discount[4], [0, 0, 0.5, 0.25, 0.125, 0.25, 0.5, 0, 0], atol=1e-7)
    assert (discount[mask[0, 0] == 0] == 0).all()


@pytest.mark.parametrize("name", ["128x128_g0.9", "128x128_g0.99", "6x9_g0.9", "96x64_g0.9"])
def test_box_edge_discount_agrees_with_authors(golden_dir, name):
    stored = np.load(golden_dir / "tensorflow" / "losses_tf.npz")[f"sdm.{name}"]
    size, gamma = name.split("_g")
    ours = box_edge_discount(tuple(map(int, size.split("x"))), float(gamma))
    np.testing.assert_allclose(ours[0, 0], stored.squeeze(), rtol=1e-5)


def test_crop_cuts_each_sample_at_its_box(batch):
    cut = crop(batch.image, batch.bboxes)
    for sample, image, (top, left, height, width) in zip(
        cut, batch.image, batch.bboxes, strict=True
    ):
        expected = image[:, top : top + height, left : left + width]
        np.testing.assert_array_equal(sample.numpy(), expected.numpy())


def test_full_hole_and_no_hole_stay_finite(batch):
    objective = make_objective()
    for value in (0.0, 1.0):
        odd = batch._replace(mask=paddle.full_like(batch.mask, value))
        for compute in (objective.critic_loss, objective.generator_loss):
            loss, _ = compute(odd)
            assert np.isfinite(float(loss))


def test_unusable_options_are_explained():
    with pytest.raises(ValueError, match="discount"):
        make_objective(discount=1.5)
    with pytest.raises(ValueError, match="critic_steps"):
        make_objective(critic_steps=0)
    with pytest.raises(ValueError, match="no weight may be negative; got -1"):
        make_objective(known_l1_weight=-1.0)
    with pytest.raises(ValueError, match="known objectives: wgan_gp"):
        sizes = {"image_size": (32, 32), "local_size": (16, 16)}
        build_objective("gan", build_network("deepfill_v1", base_channels=4), seed=0, **sizes)
