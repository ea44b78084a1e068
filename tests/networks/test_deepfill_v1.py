# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""DeepFill v1 with another attention, and without one."""

import numpy as np
import paddle
import pytest
from paddle import nn

from ppdeepfill.inference.inpainter import Inpainter
from ppdeepfill.networks import (
    Attended,
    CoarseNetwork,
    DeepFillV1,
    RefinementNetwork,
    build_network,
    offsets_of,
    size_multiple_of,
)


class Blocks(nn.Layer):
    """Replaces each block of 3 x 3 positions by its mean, and says that it looked at patch 0."""

    size_multiple = 3

    def forward(self, foreground, background, mask):
        means = nn.functional.avg_pool2d(background, 3)
        features = means.repeat_interleave(3, axis=2).repeat_interleave(3, axis=3)
        offsets = paddle.zeros([means.shape[0], 2, *means.shape[2:]], "int64")
        return Attended(features, offsets=offsets)


def network_with(attention: nn.Layer | None) -> DeepFillV1:
    return DeepFillV1(CoarseNetwork(4), RefinementNetwork(4, attention=attention))


def predict(network, height, width):
    mask = paddle.zeros([1, 1, height, width])
    mask[:, :, 4:12, 8:20] = 1.0
    with paddle.no_grad():
        return network(paddle.rand([1, 3, height, width]) * (1.0 - mask), mask)


def test_without_attention_the_features_of_its_branch_go_on():
    network = network_with(None)
    assert size_multiple_of(network) == 4
    prediction = predict(network, 12, 20)
    assert prediction.refined.shape == [1, 3, 12, 20]
    assert prediction.attention is None and offsets_of(prediction) is None
    x, mask = paddle.rand([1, 5, 12, 20]), paddle.zeros([1, 1, 12, 20])
    attended = network.refinement.attended_features(x, mask)
    features = network.refinement.attention_encoder(x)
    np.testing.assert_array_equal(attended.features.numpy(), features.numpy())


def test_weights_have_the_same_names_with_and_without_attention():
    whole = build_network("deepfill_v1", base_channels=4)
    assert network_with(None).state_dict().keys() == whole.state_dict().keys()


def test_another_attention_is_a_layer_that_says_what_it_needs(rng):
    network = network_with(Blocks())
    assert size_multiple_of(network) == 12
    prediction = predict(network, 24, 36)
    assert prediction.attention is None and prediction.offsets.shape == [1, 2, 2, 3]
    with pytest.raises(ValueError, match="multiples of 12"):
        predict(network, 24, 40)
    image = rng.integers(0, 256, [17, 25, 3], dtype=np.uint8)
    hole = np.zeros([17, 25], np.uint8)
    hole[4:9, 5:20] = 255
    assert Inpainter(network)(image, hole).shape == image.shape
