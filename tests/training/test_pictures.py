# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

from typing import NamedTuple

import numpy as np
import pytest
from paddle import nn

from ppdeepfill.data import UnreadableImage
from ppdeepfill.drawing.grid import GAP
from ppdeepfill.networks import Prediction, build_network
from ppdeepfill.training.pictures import draw_samples, fixed_samples


class Picture(NamedTuple):
    image: np.ndarray
    mask: np.ndarray


@pytest.fixture
def samples(rng):
    mask = np.zeros([32, 40], np.uint8)
    mask[8:24, 8:24] = 1
    images = rng.integers(0, 200, [2, 32, 40, 3], dtype=np.uint8)
    return [Picture(image, mask) for image in images]


def columns(picture, width):
    return [picture[:, start : start + width] for start in range(0, picture.shape[1], width + GAP)]


def test_a_row_shows_input_stages_truth_and_offsets(samples):
    picture = draw_samples(build_network("deepfill_v1", base_channels=4), samples)
    assert picture.shape == (2 * 32 + GAP, 5 * 40 + 4 * GAP, 3)
    masked, coarse, completed, truth, offsets = columns(picture, 40)
    known = samples[0].mask == 0
    image = samples[0].image
    assert (masked[:32][~known] == 255).all()
    for column in (masked, completed):
        assert (column[:32][known] == image[known]).all()
    assert (truth[:32] == image).all()
    assert (truth[32 + GAP :] == samples[1].image).all()
    assert (coarse[:32] != image).any()
    assert (offsets[:8, :8] == offsets[0, 0]).all()  # one cell of the map


class OneStage(nn.Layer):
    def forward(self, masked_image, mask):
        return Prediction(masked_image)


def test_rows_of_simpler_networks_are_shorter(samples):
    network = OneStage()
    picture = draw_samples(network, samples)
    assert len(columns(picture, 40)) == 3
    assert network.training


class Photos:
    def __len__(self):
        return 9

    def validation_sample(self, index):
        if index == 3:
            raise UnreadableImage("three.png", "cut short")
        return index


def test_unreadable_images_are_not_among_the_fixed_ones():
    assert fixed_samples(Photos()) == [0, 5, 8]
