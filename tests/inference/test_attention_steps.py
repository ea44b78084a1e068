# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from skimage import data

from ppdeepfill import Inpainter, build_network
from ppdeepfill.inference.attention_steps import attention_steps


@pytest.fixture(scope="module")
def steps_and_prediction():
    image = data.astronaut()[100:164, 180:260]
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[16:48, 24:56] = 255
    inpainter = Inpainter.demo()
    return attention_steps(inpainter, image, mask), inpainter.predict(image[None], mask[None])


def test_the_steps_end_where_the_network_does(steps_and_prediction):
    steps, prediction = steps_and_prediction
    weights = steps.weights.transpose([0, 2, 1]).reshape([0, -1, *steps.grid])
    best, ours = prediction.offsets, weights.argmax(axis=1)
    if prediction.attention is not None:
        np.testing.assert_allclose(
            weights.numpy(), prediction.attention.numpy(), atol=1e-4
        )  # scores of 10s in float32
    if best is not None:
        rows = best[:, 0].numpy() + np.arange(steps.grid[0])[:, None]
        columns = best[:, 1].numpy() + np.arange(steps.grid[1])
        assert (ours.numpy() == rows * steps.grid[1] + columns).mean() > 0.99  # equal scores


def test_masked_patches_get_no_weight_and_pasted_features_fill_the_hole(steps_and_prediction):
    steps, _ = steps_and_prediction
    assert steps.grid == (8, 10)
    assert 0 < steps.known.sum() < 80
    assert (steps.weights.numpy() * (1 - steps.known.numpy()) == 0).all()
    assert steps.pasted.shape == steps.features.shape and steps.pasted.abs().min() >= 0


def test_a_network_without_contextual_attention_is_refused():
    network = build_network("glcic", base_channels=4)
    with pytest.raises(ValueError, match="no contextual attention"):
        attention_steps(
            Inpainter(network), np.zeros([64, 64, 3], np.uint8), np.zeros([64, 64], np.uint8)
        )
