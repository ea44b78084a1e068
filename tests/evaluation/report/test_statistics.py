# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import math

import numpy as np
import pytest
from scipy import stats

from ppdeepfill.evaluation.report.statistics import difference, estimate


def test_the_interval_is_that_of_a_t_test(rng):
    values = rng.normal(3, 2, 12)
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    found = estimate(values)
    assert found.count == 12
    assert found.mean - found.margin == pytest.approx(low)
    assert found.mean + found.margin == pytest.approx(high)


def test_undefined_values_are_left_out():
    assert estimate(np.array([1.0, math.nan, 3.0])).mean == 2.0
    assert estimate(np.array([1.0, math.nan, 3.0])).count == 2
    assert math.isnan(estimate(np.array([math.nan])).mean)
    assert math.isnan(estimate(np.array([5.0])).margin)


def test_a_difference_counts_image_by_image():
    found = difference(np.array([1, 2, 3, 4, math.nan]), np.array([2, 4, 3, 3, 1]))
    assert (found.lower, found.higher) == (2, 1)
    assert found.estimate.mean == pytest.approx(-0.5)


def test_few_images_give_the_exact_probability():
    """All of six differences on one side: 2 of 2^6 signs are as extreme."""
    assert difference(np.arange(6.0), np.arange(6.0) * 1.5 + 1).p_value == pytest.approx(2 / 64)


def test_equal_methods_do_not_differ():
    assert difference(np.ones(4), np.ones(4)).p_value == 1.0
