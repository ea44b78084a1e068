# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What the objective of the network guided by labels must do."""

import numpy as np
import paddle
import pytest

from ppdeepfill.data.batch import Batch
from ppdeepfill.errors import DataError
from ppdeepfill.networks import build_network
from ppdeepfill.networks.semantic_guidance import UNKNOWN
from ppdeepfill.objectives import SemanticGuidanceObjective, build_objective
from ppdeepfill.objectives.semantic_guidance import class_loss

CLASSES = 4


@pytest.fixture
def batch(rng) -> Batch:
    image = paddle.to_tensor(rng.uniform(-1, 1, (4, 3, 32, 32)).astype(np.float32))
    mask = np.zeros((4, 1, 32, 32), np.float32)
    bboxes = np.array([[0, 0, 16, 16], [16, 14, 16, 16], [8, 16, 16, 16], [4, 4, 16, 16]])
    for hole, (top, left, height, width) in zip(mask, bboxes, strict=True):
        hole[:, top : top + height, left : left + width] = 1.0
    labels = paddle.to_tensor(rng.integers(0, CLASSES, (4, 32, 32)))
    return Batch(image, paddle.to_tensor(mask), bboxes, np.arange(4), labels)


def make_objective(**options) -> SemanticGuidanceObjective:
    network = build_network("semantic_guidance", base_channels=2, classes=CLASSES, attention_grid=8)
    sizes = {"image_size": (32, 32), "local_size": (16, 16)}
    options = {"critic_channels": 2, "critic_layers": 3} | options
    return build_objective("semantic_guidance", network, seed=3, **sizes, **options)


def test_each_phase_reaches_what_it_trains_and_nothing_else(batch):
    objective = make_objective(adversarial_weight=0.1, critic_norm="spectral")
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


def test_the_loss_is_the_sum_of_its_terms(batch):
    objective = make_objective(class_weight=0.3, known_l1_weight=0.5, hole_l1_weight=2.0)
    assert [phase.name for phase in objective.phases()] == ["generator"]
    loss, terms = objective.generator_loss(batch)
    expected = 2.0 * terms["hole_l1"] + 0.5 * terms["known_l1"] + 0.3 * terms["classes"]
    assert float(loss) == pytest.approx(float(expected), rel=1e-6)


def test_the_share_of_unguided_samples_depends_on_their_numbers_alone(batch):
    image, mask, labels = batch.image * (1.0 - batch.mask), batch.mask, batch.labels
    for unguided, expected in ((0.0, labels), (1.0, None)):
        objective = make_objective(unguided=unguided)
        ours = objective._predict(batch)[0].refined
        theirs = objective.network(image, mask, expected).refined
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-5)
    objective = make_objective(unguided=0.5)
    numbered = batch._replace(sample_numbers=np.array([7, 8, 9, 10]))
    whole = objective._predict(numbered)[0].refined
    first, second = (objective._predict(part)[0].refined for part in numbered.parts(2))
    np.testing.assert_allclose(whole.numpy(), paddle.concat([first, second]).numpy(), atol=2e-5)
    guided = objective.network(image, mask, labels).refined
    same = np.isclose(whole.numpy(), guided.numpy(), atol=1e-6).all(axis=(1, 2, 3))
    assert 0 < same.sum() < 4


def test_class_loss_counts_pixels_with_a_class(rng):
    logits = paddle.to_tensor(rng.normal(size=(2, CLASSES, 3, 5)).astype(np.float32))
    labels = np.full((2, 12, 20), UNKNOWN)
    labels[0, 6, 10], labels[1, 2, 18] = 1, 3  # at [1, 2] and [0, 4] of the small maps
    labels[0, 5, 10] = 2  # between them
    probabilities = np.exp(logits.numpy())
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    expected = -np.log([probabilities[0, 1, 1, 2], probabilities[1, 3, 0, 4]]).mean()
    ours = class_loss(logits, paddle.to_tensor(labels))
    assert float(ours) == pytest.approx(expected, rel=1e-5)
    assert float(class_loss(logits, paddle.full([2, 12, 20], UNKNOWN, "int64"))) == 0.0


def test_unusable_options_and_batches_are_explained(batch):
    with pytest.raises(ValueError, match="network semantic_guidance only"):
        network = build_network("glcic", base_channels=2)
        sizes = {"image_size": (32, 32), "local_size": (16, 16)}
        build_objective("semantic_guidance", network, seed=0, **sizes)
    with pytest.raises(ValueError, match="0 to 1"):
        make_objective(unguided=1.5)
    with pytest.raises(DataError, match=r"set data\.labels"):
        make_objective().generator_loss(batch._replace(labels=None))
