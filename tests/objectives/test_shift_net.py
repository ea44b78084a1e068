# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The objective of Shift-Net against the authors' code, and what it must do in any case."""

import method_recipes
import numpy as np
import paddle
import pytest
import reference
from shift_net_authors import fill_shift_net

from ppdeepfill.data.batch import Batch
from ppdeepfill.networks import build_network
from ppdeepfill.networks.shift_net import ShiftNet
from ppdeepfill.objectives import ShiftNetObjective, build_objective
from ppdeepfill.objectives.shift_net import guidance_loss

TOLERANCE = 1e-6


@pytest.mark.parametrize(("case", "strength"), [("cos1", 1.0), ("cos_s3", 3.0)])
def test_guidance_agrees_with_authors(golden_dir, case, strength):
    arrays = np.load(golden_dir / "methods" / "shift_net" / "shift_op.npz")
    theirs = arrays[f"{case}/guidance_part"]
    channels, (height, width) = theirs.shape[1], theirs.shape[2:]
    shape = [len(theirs), 2 * channels, height, width]
    truth, x = (method_recipes.symmetric(7200, f"{n}_{case}", shape) for n in ("gt", "x"))
    rects = arrays[f"{case}/mask_rects_tblr"]
    hole = method_recipes.rectangles((8 * height, 8 * width), rects)[:, :, ::8, ::8]
    features = paddle.to_tensor(x[:, :channels].astype(np.float64), stop_gradient=False)
    target, hole = (paddle.to_tensor(a.astype(np.float64)) for a in (truth[:, channels:], hole))
    loss = guidance_loss(features, target, hole, "image")
    (strength * loss).backward()
    # Theirs is the difference of two float32 gradients.
    assert reference.relative_error(features.grad, theirs) < 2e-5
    assert strength * float(loss) == pytest.approx(float(arrays[f"{case}/loss_value"]), rel=1e-5)


@pytest.mark.slow
def test_gradients_agree_with_authors(golden_dir, float64):
    arrays = np.load(golden_dir / "methods" / "shift_net" / "unet_shift.npz")
    network = ShiftNet(8)
    names = fill_shift_net(network)
    objective = ShiftNetObjective(
        network,
        image_size=(256, 256),
        local_size=(128, 128),
        seed=0,
        guidance_region="image",
        adversarial_weight=0.0,
    )
    top, bottom, left, right = arrays["hole_tblr"].tolist()
    image = 2.0 * method_recipes.image(7205, "unet", [1, 3, 256, 256]) - 1.0
    batch = Batch(
        paddle.to_tensor(image.astype(np.float64)),
        paddle.to_tensor(
            method_recipes.rectangles((256, 256), [[top, bottom, left, right]]).astype(np.float64)
        ),
        np.array([[top, left, bottom - top, right - left]]),
        np.arange(1),
    )
    loss, terms = objective.generator_loss(batch)
    loss.backward()
    assert 100.0 * float(terms["l1"]) == pytest.approx(float(arrays["l1x100"]), rel=TOLERANCE)
    # The authors' run was in float32, 1e-5 from float64 in gradients. Biases before a
    # normalisation have none: noise.
    normalised = {n.removesuffix(".norm.scale") for n in names if n.endswith(".norm.scale")}
    for name, parameter in network.named_parameters():
        if name.removesuffix(".conv.bias") in normalised:
            continue
        ours, theirs = parameter.grad.numpy(), names[name]
        norm = float(arrays[f"gradnorm/{theirs}"])
        assert np.linalg.norm(ours) == pytest.approx(norm, rel=1e-4), name
        if f"grad/{theirs}" in arrays.files:
            assert reference.relative_error(ours, arrays[f"grad/{theirs}"]) < 1e-4, name


@pytest.fixture
def batch(rng) -> Batch:
    image = paddle.to_tensor(rng.uniform(-1, 1, (3, 3, 32, 48)).astype(np.float32))
    mask = np.zeros((3, 1, 32, 48), np.float32)
    bboxes = np.array([[0, 0, 16, 16], [16, 24, 16, 16], [8, 16, 16, 16]])
    for hole, (top, left, height, width) in zip(mask, bboxes, strict=True):
        hole[:, top : top + height - 1, left : left + width] = 1.0
    return Batch(image, paddle.to_tensor(mask), bboxes, np.arange(3))


def make_objective(**options) -> ShiftNetObjective:
    network = build_network("shift_net", base_channels=4, levels=4)
    sizes = {"image_size": (32, 48), "local_size": (16, 16)}
    return build_objective("shift_net", network, seed=3, **sizes, critic_channels=2, **options)


@pytest.mark.parametrize("region", ["hole", "image"])
def test_each_phase_reaches_what_it_trains_and_nothing_else(batch, region):
    objective = make_objective(guidance_region=region)
    modules = (objective.network, objective.critic)
    for phase in objective.phases():
        for module in modules:
            for parameter in module.parameters():
                parameter.stop_gradient = module is not phase.trains
        phase.loss(batch)[0].backward()
        for module in modules:
            reached = [p.grad is not None for p in module.parameters()]
            assert all(reached) if module is phase.trains else not any(reached), phase.name
            module.clear_gradients(set_to_zero=False)


def test_guidance_of_the_paper_is_0_outside_the_hole(rng):
    features, target = (
        paddle.to_tensor(rng.normal(size=(2, 3, 4, 5)).astype(np.float32)) for _ in range(2)
    )
    features.stop_gradient = False
    hole = np.zeros((2, 1, 4, 5), np.float32)
    hole[:, :, 1:3, 2:4] = 1.0
    guidance_loss(features, target, paddle.to_tensor(hole), "hole").backward()
    expected = 2.0 * (features - target).numpy() * hole / features.size
    np.testing.assert_allclose(features.grad.numpy(), expected, atol=1e-7)


def test_without_weights_there_is_l1_alone(batch):
    objective = make_objective(guidance_weight=0.0, adversarial_weight=0.0)
    assert [phase.name for phase in objective.phases()] == ["generator"]
    assert objective.extra_modules == {}
    loss, terms = objective.generator_loss(batch)
    assert set(terms) == {"l1"}
    assert float(loss) == pytest.approx(100.0 * float(terms["l1"]))


def test_unusable_options_are_explained():
    with pytest.raises(ValueError, match="multiples of 32"):
        network = build_network("shift_net", base_channels=4, levels=5)
        build_objective("shift_net", network, image_size=(48, 64), local_size=(16, 16), seed=0)
    with pytest.raises(ValueError, match="network shift_net only"):
        network = build_network("glcic", base_channels=2)
        build_objective("shift_net", network, image_size=(64, 64), local_size=(16, 16), seed=0)
    with pytest.raises(ValueError, match="local region"):
        make_objective(critic_layers=5)
