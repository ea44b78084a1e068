# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import math

import numpy as np
import pytest
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

from ppdeepfill.evaluation.metrics import (
    METRICS,
    l1,
    l2,
    measure,
    psnr,
    relative_l1,
    relative_l2,
    ssim,
    total_variation,
)


@pytest.fixture
def pair(rng):
    return rng.integers(0, 256, [2, 24, 30, 3], dtype=np.uint8)


@pytest.fixture
def constant():
    """Truth 100 everywhere; a completed image 51 (a fifth of the range) below in half of it."""
    image = np.full([12, 16, 3], 100, np.uint8)
    completed = image.copy()
    completed[:6] = 49
    return completed, image


def test_errors_of_a_constant_difference(constant):
    completed, image = constant
    assert l1(completed, image) == pytest.approx(0.1)
    assert l2(completed, image) == pytest.approx(0.02)
    assert relative_l1(completed, image) == pytest.approx(51 / 200)
    assert relative_l2(completed, image) == pytest.approx(51**2 / (2 * 100**2))
    assert psnr(completed, image) == pytest.approx(10 * math.log10(50))


def test_a_region_counts_alone(constant):
    completed, image = constant
    upper = np.zeros([12, 16], bool)
    upper[:6] = True
    assert l1(completed, image, upper) == pytest.approx(0.2)
    assert l2(completed, image, upper) == pytest.approx(0.04)
    assert relative_l1(completed, image, upper) == pytest.approx(0.51)
    assert relative_l2(completed, image, upper) == pytest.approx(0.51**2)
    assert psnr(completed, image, upper) == pytest.approx(10 * math.log10(25))
    for metric in (l1, l2, relative_l1, relative_l2):
        assert metric(completed, image, ~upper) == 0.0
    assert psnr(completed, image, ~upper) == 100.0


def test_an_empty_region_has_no_error(pair):
    nothing = np.zeros([24, 30], bool)
    assert l1(*pair, nothing) == l2(*pair, nothing) == 0.0


def test_a_relative_error_to_black_is_undefined(pair):
    black = np.zeros_like(pair[0])
    assert math.isnan(relative_l1(pair[0], black))
    assert math.isnan(relative_l2(pair[0], black))


def test_agree_with_scikit_image(pair):
    completed, image = pair
    assert l2(completed, image) == pytest.approx(mean_squared_error(image / 255, completed / 255))
    assert psnr(completed, image) == pytest.approx(peak_signal_noise_ratio(image, completed))
    channels = [
        structural_similarity(
            image[..., c],
            completed[..., c],
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for c in range(3)
    ]
    assert ssim(completed, image) == pytest.approx(np.mean(channels))


def test_ssim_of_shifted_grey_is_the_luminance_term(constant):
    """Without structure only (2 x y + c1) / (x^2 + y^2 + c1) remains."""
    _, image = constant
    c1 = (0.01 * 255) ** 2
    expected = (2 * 100 * 150 + c1) / (100**2 + 150**2 + c1)
    assert ssim(image + np.uint8(50), image) == pytest.approx(expected)


def test_equal_images_are_perfect(pair):
    scores = measure(pair[0], pair[0], np.ones([24, 30], np.uint8))
    for name, metric in METRICS.items():
        if metric.better == "lower":
            assert scores[name] == 0.0
    assert (scores["psnr"], scores["hole_psnr"], scores["ssim"]) == (100.0, 100.0, 1.0)


def test_total_variation_of_stripes():
    """Every second of 8 columns white: 7 steps of 1 in 7 across, none down."""
    stripes = np.zeros([5, 8, 3], np.uint8)
    stripes[:, ::2] = 255
    assert total_variation(stripes) == pytest.approx(1.0)
    assert total_variation(stripes.transpose(1, 0, 2)) == pytest.approx(1.0)
    assert total_variation(np.full([5, 8, 3], 7, np.uint8)) == 0.0


def test_every_metric_gets_its_region(pair):
    completed, image = pair
    mask = np.zeros([24, 30], np.uint8)
    mask[4:9, 5:11] = 1
    scores = measure(completed, image, mask)
    assert scores["hole_l1"] == l1(completed, image, mask > 0)
    assert scores["known_l1"] == l1(completed, image, mask == 0)
    assert scores["l1"] == l1(completed, image)
    share = mask.mean()
    for name in ("l1", "l2"):
        both = share * scores[f"hole_{name}"] + (1 - share) * scores[f"known_{name}"]
        assert scores[name] == pytest.approx(both)
    assert scores["hole_psnr"] == psnr(completed, image, mask > 0)
    assert scores["hole_relative_l1"] == relative_l1(completed, image, mask > 0)
    assert scores["total_variation"] == total_variation(completed)
