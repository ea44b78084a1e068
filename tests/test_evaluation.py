# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

from typing import NamedTuple

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from ppdeepfill.baselines import mean_fill, telea
from ppdeepfill.evaluation import ValidationSet, hole_l1, psnr, score, validate, validate_baselines
from ppdeepfill.inpainter import Inpainter
from ppdeepfill.networks import build_network


class Picture(NamedTuple):
    image: np.ndarray
    mask: np.ndarray


class Pictures:
    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def validation_sample(self, index):
        image = np.random.default_rng(index).integers(0, 256, [32, 40, 3], dtype=np.uint8)
        mask = np.zeros([32, 40], np.uint8)
        mask[8:24, 8:30] = 1
        return Picture(image, mask)


def test_hole_l1_counts_the_hole_only():
    image = np.full([4, 4, 3], 100, np.uint8)
    mask = np.zeros([4, 4], np.uint8)
    mask[0, :2] = 1
    completed = image.copy()
    completed[0, 0] = 49  # 51 of 255 below, in one of two pixels
    assert hole_l1(completed, image, mask) == pytest.approx(0.1)
    completed[3, 3] = 255
    assert hole_l1(completed, image, mask) == pytest.approx(0.1)
    assert hole_l1(completed, image, np.zeros_like(mask)) == 0.0


def test_psnr_is_that_of_scikit_image(rng):
    a, b = rng.integers(0, 256, [2, 20, 30, 3], dtype=np.uint8)
    assert psnr(a, b) == pytest.approx(peak_signal_noise_ratio(b, a))
    assert psnr(a, a) == 100.0


def test_scores_are_means_over_images():
    samples = ValidationSet(Pictures(3), 3)
    completed = [np.zeros_like(s.image) for s in samples]
    scores = score(samples, completed)
    for name, measure in [
        ("hole_l1", lambda s: hole_l1(np.zeros_like(s.image), s.image, s.mask)),
        ("psnr", lambda s: psnr(np.zeros_like(s.image), s.image)),
    ]:
        assert scores[name] == pytest.approx(np.mean([measure(s) for s in samples]))


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_batches_score_as_singles(batch_size):
    network = build_network("deepfill_v1", base_channels=4)
    samples = ValidationSet(Pictures(5), 5)
    scores = validate(network, samples, batch_size=batch_size)
    inpainter = Inpainter(network)
    expected = score(samples, (inpainter(s.image, s.mask * np.uint8(255)) for s in samples))
    # A pixel may round to its neighbour when sums come in another order.
    assert scores["hole_l1"] == pytest.approx(expected["hole_l1"], rel=1e-4)
    assert scores["psnr"] == pytest.approx(expected["psnr"], rel=1e-4)


def test_baselines_are_scored_on_the_same_images():
    samples = ValidationSet(Pictures(2), 2)
    scores = validate_baselines(samples)
    assert list(scores) == ["mean_fill", "telea"]
    for method in (mean_fill, telea):
        filled = [method(s.image, s.mask * np.uint8(255)) for s in samples]
        assert scores[method.__name__] == score(samples, filled)


def test_validation_set_spreads_over_the_images():
    def indices(total, count):
        spread = ValidationSet(Pictures(total), count)
        spread.dataset.validation_sample = lambda index: index
        return list(spread)

    assert indices(10, 4) == [0, 3, 6, 9]
    assert indices(3, 100) == [0, 1, 2]
    assert indices(1, 5) == [0]
    assert len(set(indices(1000, 100))) == 100
