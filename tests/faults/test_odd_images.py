# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Images of one colour, holes of no pixel and of all pixels, patches and gradients of zero length.

Whatever a network or an objective divides by, its numbers and gradients stay finite.
"""

import numpy as np
import paddle
import pytest
from small_run import small_config, write_labels

from ppdeepfill.data.batch import Batch
from ppdeepfill.networks import NETWORKS, build_network
from ppdeepfill.networks.attention.choice import ATTENTIONS, build_attention
from ppdeepfill.objectives import OBJECTIVES
from ppdeepfill.training.optimizers import train_only
from ppdeepfill.training.trainer import Trainer

SIZE = 32
COLOURS = (-1.0, 0.0, 1.0)
HOLES = {"no hole": 0.0, "all hole": 1.0}

NETWORK_CASES = {name: (name, {"base_channels": 4}) for name in NETWORKS} | {
    "shift_net": ("shift_net", {"base_channels": 4, "levels": 4}),
    "partial_unet": ("partial_unet", {"base_channels": 4, "levels": 4}),
    "rfr": ("rfr", {"base_channels": 4, "recurrences": 2}),
}
NETWORK_CASES |= {
    name: ("deepfill_v1", {"base_channels": 4, "attention": name, "attention_grid": 8})
    for name in ATTENTIONS
    if name != "contextual"  # deepfill_v1's own
}

METHODS = {
    "wgan_gp": ("deepfill_v1", {}, {"critic_channels": 4}),
    "glcic": (
        "glcic",
        {},
        {"critic_channels": 2, "global_layers": 5, "local_layers": 4},
    ),
    "shift_net": ("shift_net", {"levels": 4}, {"critic_channels": 2}),
    "semantic_guidance": (
        "semantic_guidance",
        {"classes": 3, "attention_grid": 8},
        {
            "adversarial_weight": 0.1,
            "critic_channels": 2,
            "critic_layers": 2,
            "critic_norm": "spectral",
        },
    ),
    "perceptual": ("rfr", {"recurrences": 2}, {"vgg_weights": "random"}),
}


def images_of(colour: float) -> paddle.Tensor:
    return paddle.full([2, 3, SIZE, SIZE], colour)


def assert_finite(tensors, what):
    for name, tensor in tensors.items():
        assert tensor is None or np.isfinite(tensor.numpy()).all(), f"{what}: {name}"


def gradients_of(layer):
    return {name: p.grad for name, p in layer.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("hole", HOLES)
@pytest.mark.parametrize("case", NETWORK_CASES)
def test_a_network_fills_them_and_learns_from_them(case, hole):
    name, options = NETWORK_CASES[case]
    network = build_network(name, **options)
    mask = paddle.full([2, 1, SIZE, SIZE], HOLES[hole])
    for colour in COLOURS:
        image = images_of(colour)
        prediction = network(image * (1 - mask), mask)
        assert_finite(prediction._asdict(), f"{colour}")
        loss = sum((stage - 0.5).abs().mean() for stage in prediction[:2] if stage is not None)
        loss.backward()
        assert_finite(gradients_of(network), f"gradient for {colour}")
        network.clear_gradients()


def test_every_objective_has_a_case():
    assert set(METHODS) == set(OBJECTIVES)


@pytest.fixture
def trainer(photos, tmp_path):
    def build(method: str) -> Trainer:
        network, network_options, options = METHODS[method]
        changes = {
            "network": {"name": network, "options": {"base_channels": 4, **network_options}},
            "objective": {"name": method, "options": options},
        }
        if method == "semantic_guidance":
            changes["data__labels"] = str(write_labels(tmp_path / "labels", photos))
        return Trainer(small_config(photos, tmp_path / "run", **changes))

    return build


@pytest.mark.parametrize("method", METHODS)
def test_an_objective_stays_finite(trainer, method):
    trainer = trainer(method)
    boxes = np.array([[4, 4, 16, 16], [16, 16, 16, 16]])
    labels = paddle.zeros([2, SIZE, SIZE], "int64")
    for colour in (-1.0, 0.0):
        for hole, value in HOLES.items():
            mask = paddle.full([2, 1, SIZE, SIZE], value)
            batch = Batch(images_of(colour), mask, boxes, np.arange(2), labels)
            for phase in trainer.phases:
                what = f"{phase.name}, {hole}, {colour}"
                train_only(phase, trainer.parameters)
                loss, terms = phase.loss(batch)
                assert_finite({"loss": loss, **terms}, what)
                loss.backward()
                assert_finite(gradients_of(phase.trains), f"gradient of {what}")
                phase.trains.clear_gradients()


@pytest.mark.parametrize("method", [name for name in METHODS if name != "perceptual"])
def test_critics_that_ignore_their_input_stay_finite(trainer, method):
    """Their gradient is zero: the penalty's norm must not divide by it."""
    trainer = trainer(method)
    boxes = np.array([[4, 4, 16, 16], [16, 16, 16, 16]])
    mask = paddle.zeros([2, 1, SIZE, SIZE])
    mask[:, :, 4:20, 4:20] = 1.0
    labels = paddle.zeros([2, SIZE, SIZE], "int64")
    batch = Batch(images_of(0.3), mask, boxes, np.arange(2), labels)
    for module in trainer.extra_modules.values():
        for parameter in module.parameters():
            parameter.set_value(paddle.zeros_like(parameter))
    for phase in trainer.phases:
        train_only(phase, trainer.parameters)
        loss, terms = phase.loss(batch)
        assert_finite({"loss": loss, **terms}, phase.name)
        loss.backward()
        assert_finite(gradients_of(phase.trains), f"gradient of {phase.name}")
        phase.trains.clear_gradients()


@pytest.mark.parametrize("hole", [*HOLES, "half"])
@pytest.mark.parametrize("name", ATTENTIONS)
def test_an_attention_over_zero_vectors_stays_finite(name, hole):
    layer = build_attention(name, 8, grid=16)
    if layer is None:
        return
    mask = paddle.full([1, 1, 16, 16], HOLES.get(hole, 0.0))
    if hole == "half":
        mask[:, :, :, 8:] = 1.0
    foreground, background = (paddle.zeros([1, 8, 16, 16]) for _ in range(2))
    for tensor in (foreground, background):
        tensor.stop_gradient = False
    attended = layer(foreground, background, mask)
    assert_finite(attended._asdict(), "output")
    attended.features.square().sum().backward()
    assert_finite({"foreground": foreground.grad, "background": background.grad}, "gradient")
    assert_finite(gradients_of(layer), "gradient")
