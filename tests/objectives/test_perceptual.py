# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The objective of RFR and of the U-Net of partial convolutions against their references."""

import json

import method_recipes
import numpy as np
import paddle
import pytest
import reference
from partial_recipes import fill_partial_unet, fill_rfr, rfr_arrays, rfr_order, vgg16

from ppdeepfill.data.batch import Batch
from ppdeepfill.networks import build_network
from ppdeepfill.networks.partial_unet import PartialUNet
from ppdeepfill.networks.rfr import Rfr
from ppdeepfill.objectives import Perceptual, build_objective
from ppdeepfill.objectives.perceptual import fixed_statistics

TOLERANCE = 1e-6  # of losses and gradients in float64


def make_objective(network, **options) -> Perceptual:
    sizes = {"image_size": (32, 32), "local_size": (16, 16)}
    return build_objective("perceptual", network, seed=3, **sizes, **options)


def with_reference_vgg16(network, **options) -> Perceptual:
    objective = make_objective(network, vgg_weights="random", **options)
    objective.vgg.vgg = vgg16()
    return objective


def float64_batch(image: np.ndarray, mask: np.ndarray) -> Batch:
    """From images in [0, 1]."""
    image = paddle.to_tensor(2.0 * image.astype(np.float64) - 1.0)
    boxes = np.zeros((len(mask), 4), int)
    return Batch(image, paddle.to_tensor(mask.astype(np.float64)), boxes, np.arange(len(mask)))


def trained(layer) -> dict[str, paddle.Tensor]:
    return {n: p for n, p in layer.named_parameters() if not p.stop_gradient}


@pytest.mark.parametrize("case", ["L0", "L1"])
def test_terms_agree_with_rfr(golden_dir, float64, case):
    arrays = np.load(golden_dir / "methods" / "rfr_objective" / "losses_kca.npz")
    theirs = {n.removeprefix(f"{case}/"): arrays[n] for n in arrays.files if n.startswith(case)}
    fake = paddle.to_tensor(theirs["fake"].astype(np.float64), stop_gradient=False)
    real = method_recipes.image(7300, f"real_{case}", fake.shape).astype(np.float64)
    mask = method_recipes.rectangles(fake.shape[2:], theirs["mask_rects_tblr"])
    objective = with_reference_vgg16(build_network("rfr", base_channels=8))
    terms = objective.terms(fake, *map(paddle.to_tensor, (real, mask.astype(np.float64))))
    expected = {
        "hole_l1": theirs["loss/hole"],
        "known_l1": theirs["loss/valid"],
        "perceptual": theirs["loss/perc_out"] + theirs["loss/perc_comp"],
        "style": theirs["loss/style_out"] + theirs["loss/style_comp"],
        "total_variation": theirs["loss/tv"],
    }
    assert terms.keys() == expected.keys()
    for name, term in terms.items():  # theirs in float32
        assert float(term) == pytest.approx(float(expected[name]), rel=TOLERANCE), name
    sum(objective.weights[name] * term for name, term in terms.items()).backward()
    assert reference.relative_error(fake.grad, theirs["grad/total"]) < 3 * TOLERANCE


def check_step(objective, phase, batch, arrays, prefix: str, names: dict[str, str]) -> None:
    """Loss, gradients and one step of Adam in a phase, against two rows of RFR's losses."""
    rate = 2e-4 if phase.name == "generator" else 5e-5
    optimizer = paddle.optimizer.Adam(rate, parameters=list(trained(objective.network).values()))
    before = {n: p.numpy() for n, p in trained(objective.network).items()}
    columns = {"hole_l1": [6], "known_l1": [5], "perceptual": [3, 4], "style": [1, 2]}
    columns |= {"total_variation": [0]}
    for step, row in enumerate(arrays[f"{prefix}/loss_table_f64"]):
        # Adam's first step is the rate for every weight, whatever its gradient: noise decides some.
        tolerance = TOLERANCE if step == 0 else 1e-4
        loss, terms = phase.loss(batch)
        assert float(loss) == pytest.approx(row[7], rel=tolerance), step
        for name, places in columns.items():
            assert float(terms[name]) == pytest.approx(row[places].sum(), rel=tolerance), name
        if step == 0:
            loss.backward()
            check_gradients(objective.network, arrays, prefix, names)
            check_statistics(objective.network, arrays, prefix, names)
            optimizer.step()
            optimizer.clear_grad()
            for name, parameter in trained(objective.network).items():
                change = np.linalg.norm(parameter.numpy() - before[name])
                theirs = float(arrays[f"{prefix}/deltanorm/{names[name]}"])
                assert change == pytest.approx(theirs, rel=1e-3), name


def check_gradients(network, arrays, prefix: str, names: dict[str, str]) -> None:
    for name, parameter in trained(network).items():
        theirs, ours = names[name], parameter.grad.numpy()
        norm = float(arrays[f"{prefix}/gradnorm_f64/{theirs}"])
        assert np.linalg.norm(ours) == pytest.approx(norm, rel=TOLERANCE), name
        if f"{prefix}/grad_f64/{theirs}" in arrays.files:  # kept in float32
            expected = arrays[f"{prefix}/grad_f64/{theirs}"]
            assert reference.relative_error(ours, expected) < TOLERANCE, name


def check_statistics(network, arrays, prefix: str, names: dict[str, str]) -> None:
    """Running means after a forward pass; Paddle's variance is the biased one."""
    state = network.state_dict()
    for ours, theirs in names.items():
        if theirs.endswith("running_mean") and f"{prefix}/after/{theirs}" in arrays.files:
            expected = arrays[f"{prefix}/after/{theirs}"]
            found = state[ours].numpy()[: len(expected)]
            assert reference.relative_error(found, expected) < TOLERANCE, ours


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["phase1", "finetune"])
def test_a_step_agrees_with_rfr(golden_dir, float64, stage):
    arrays = np.load(golden_dir / "methods" / "rfr_objective" / "train_step.npz")
    network = Rfr()
    names = fill_rfr(network, rfr_arrays(rfr_order(golden_dir), 1.0))
    objective = with_reference_vgg16(network, fine_tuning_from=10)
    image = method_recipes.image(7301, "gt", [2, 3, 96, 96])
    mask = method_recipes.rectangles((96, 96), arrays["mask_rects_tblr"])
    phase = objective.phases()[0 if stage == "phase1" else 1]
    check_step(objective, phase, float64_batch(image, mask), arrays, stage, names)


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["train", "finetune"])
def test_gradients_agree_with_the_port_of_partial_convolution(golden_dir, float64, stage):
    folder = golden_dir / "methods" / "partial_conv"
    arrays = np.load(folder / "unet.npz")
    case = f"u128_{stage}"
    network = PartialUNet(levels=5)
    names = fill_partial_unet(network)
    objective = with_reference_vgg16(
        network, scale="imagenet", total_variation_of="image", fine_tuning_from=1, frozen="encoder"
    )
    rects = json.loads((folder / "unet.json").read_text())[case]["rects"]
    image = method_recipes.image(7406, "u128", [2, 3, 128, 128])
    batch = float64_batch(image, method_recipes.rectangles((128, 128), rects))
    loss, terms = objective.phases()[0 if stage == "train" else 1].loss(batch)
    theirs = {"hole_l1": "hole", "known_l1": "valid", "perceptual": "prc", "style": "style"}
    theirs |= {"total_variation": "tv"}
    for name, term in terms.items():
        expected = float(arrays[f"{case}/loss_f64/{theirs[name]}"])
        assert float(term) == pytest.approx(expected, rel=TOLERANCE), name
    expected = float(arrays[f"{case}/loss_f64/total"])
    assert float(loss) == pytest.approx(expected, rel=TOLERANCE)
    loss.backward()
    for name, parameter in trained(network).items():
        weight = parameter.numpy()
        # Ours are the port's divided by k k C, and so their gradients are multiplied.
        scale = np.prod(weight.shape[1:]) if weight.ndim == 4 else 1.0
        ours = parameter.grad.numpy() / scale
        norm = float(arrays[f"{case}/gradnorm/{names[name]}"])
        assert np.linalg.norm(ours) == pytest.approx(norm, rel=3 * TOLERANCE), name
        if f"{case}/grad/{names[name]}" in arrays.files:
            expected = arrays[f"{case}/grad/{names[name]}"]
            assert reference.relative_error(ours, expected) < 3 * TOLERANCE, name
    check_statistics(network, arrays, case, names)


@pytest.fixture
def batch(rng) -> Batch:
    image = paddle.to_tensor(rng.uniform(-1, 1, (2, 3, 32, 32)).astype(np.float32))
    mask = np.zeros((2, 1, 32, 32), np.float32)
    mask[0, :, 4:20, 8:24] = mask[1, :, 10:26, 2:18] = 1.0
    boxes = np.array([[4, 8, 16, 16], [10, 2, 16, 16]])
    return Batch(image, paddle.to_tensor(mask), boxes, np.arange(2))


def make_unet():
    return build_network("partial_unet", base_channels=4, levels=3)


def without_vgg(network, **options) -> Perceptual:
    return make_objective(network, perceptual_weight=0.0, style_weight=0.0, **options)


def statistics(layer) -> dict[str, np.ndarray]:
    return {n: p.numpy() for n, p in layer.state_dict().items() if "._" in n}


def test_fine_tuning_follows_training_with_an_optimizer_of_its_own():
    first, second = without_vgg(make_unet(), fine_tuning_from=5).phases()
    assert [first.is_part_of(i) for i in (4, 5)] == [True, False]
    assert [second.is_part_of(i) for i in (4, 5)] == [False, True]
    assert (first.optimizer_name, second.optimizer_name) == ("generator", "fine_tuning")
    (only,) = without_vgg(make_unet()).phases()
    assert only.stop is None


@pytest.mark.parametrize("frozen", ["all", "encoder"])
def test_fine_tuning_keeps_statistics_and_trains_scale_and_shift(batch, frozen):
    network = make_unet()
    objective = without_vgg(network, fine_tuning_from=0, frozen=frozen)
    network.train()
    before = statistics(network)
    loss, _ = objective.fine_tuning_loss(batch)
    loss.backward()
    changed = {n for n, value in statistics(network).items() if (value != before[n]).any()}
    assert not any(n.startswith("encoder") for n in changed)
    assert bool(changed) == (frozen == "encoder")
    for name, parameter in trained(network).items():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0.0, name
    assert all(layer.training for layer in network.sublayers())


def test_training_moves_the_statistics(batch):
    network = make_unet()
    network.train()
    before = statistics(network)
    without_vgg(network).loss(batch)
    assert all((value != before[n]).any() for n, value in statistics(network).items())


def test_statistics_are_released_when_something_fails():
    network = make_unet()
    network.train()
    with pytest.raises(RuntimeError), fixed_statistics(network):
        assert not network.encoder[1].norm.training
        raise RuntimeError
    assert network.encoder[1].norm.training


def test_terms_of_weight_0_are_left_out(batch):
    objective = without_vgg(make_unet(), total_variation_weight=0.0, known_l1_weight=0.0)
    loss, terms = objective.loss(batch)
    assert set(terms) == {"hole_l1"}
    assert float(loss) == pytest.approx(6.0 * float(terms["hole_l1"]))


def test_vgg_is_neither_trained_nor_saved(batch):
    objective = make_objective(make_unet(), vgg_weights="random")
    assert objective.extra_modules == {}
    objective.loss(batch)[0].backward()
    assert all(p.grad is None for p in objective.vgg.vgg.parameters())


def test_unusable_options_are_explained(tmp_path):
    with pytest.raises(ValueError, match="vgg_weights"):
        make_objective(make_unet())
    with pytest.raises(ValueError, match="negative"):
        without_vgg(make_unet(), hole_l1_weight=-1.0)
    with pytest.raises(ValueError, match="frozen=all"):
        without_vgg(build_network("rfr", base_channels=8), frozen="encoder")
