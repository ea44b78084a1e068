# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Every GAN loss, with and without the other terms, is chosen by configuration alone."""

import numpy as np
import pytest
from small_run import small_config

from ppdeepfill.objectives.gan_losses import GAN_LOSSES
from ppdeepfill.training.state import layer_arrays
from ppdeepfill.training.trainer import Trainer

NO_L1 = {"hole_l1_weight": 0.0, "known_l1_weight": 0.0}
VGG = {"perceptual_weight": 0.05, "style_weight": 1.0, "vgg_weights": "random"}
TERMS = {
    "L1": ({}, set()),
    "no L1": (NO_L1, set()),
    "total variation": ({"total_variation_weight": 0.1}, {"total_variation"}),
    "perceptual and style": (VGG, {"perceptual", "style"}),
    "style without L1": (NO_L1 | VGG | {"perceptual_weight": 0.0}, {"style"}),
}
ADVERSARIAL = {"adversarial_weight": 1e-3, "critic_steps": 1, "critic_channels": 2}
CASES = [(loss, 10.0 * (loss == "wasserstein"), terms) for loss in GAN_LOSSES for terms in TERMS]


@pytest.mark.parametrize(
    ("loss", "penalty", "terms"),
    [*CASES, ("hinge", 10.0, "L1"), ("vanilla", 10.0, "no L1")],
)
def test_a_step_with_these_terms(photos, tmp_path, loss, penalty, terms):
    options, named = TERMS[terms]
    options = {"gan_loss": loss, "gradient_penalty_weight": penalty, **ADVERSARIAL, **options}
    trainer = Trainer(small_config(photos, tmp_path, objective__options=options))
    before = [layer_arrays(layer) for layer in trainer.modules.values()]
    scalars = {name: float(scalar) for name, scalar in trainer.step().items()}
    trainer.loader.close()
    assert all(np.isfinite(list(scalars.values())))
    assert {loss, "adversarial", "critic", *named} <= scalars.keys()
    assert ("gradient_penalty" in scalars) == (penalty > 0.0)
    for old, layer in zip(before, trainer.modules.values(), strict=True):
        assert any((old[name] != x).any() for name, x in layer_arrays(layer).items())
    weights = {"adversarial_weight": 1e-3, "hole_l1_weight": 1.2, "known_l1_weight": 1.2} | options
    expected = sum(
        weights.get(f"{name}_weight", 0.0) * scalars[name]
        for name in ("adversarial", "hole_l1", "known_l1", *sorted(named))
    )
    assert scalars["loss"] == pytest.approx(expected, rel=1e-5)
