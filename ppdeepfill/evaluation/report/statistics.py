# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Confidence intervals of means, and tests of whether two methods differ."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray
from scipy import stats

CONFIDENCE = 0.95
INTERVAL = "95 % interval of the mean: mean +- t s / sqrt(n), Student's t with n - 1 degrees"
TEST = (
    "Wilcoxon signed-rank test on the differences per image, two-sided, not adjusted for many pairs"
)


class Estimate(NamedTuple):
    """A mean over images.

    Attributes:
        mean: nan if no value is defined.
        margin: half of the 95 % interval; nan for a single value.
        count: number of defined values (not nan).
    """

    mean: float
    margin: float
    count: int


class Difference(NamedTuple):
    """First method minus second, image by image.

    Attributes:
        estimate: mean difference.
        lower: number of images on which the first method's value is lower.
        higher: number of images on which it is higher.
        p_value: p-value of `TEST`; 1 if no image differs.
    """

    estimate: Estimate
    lower: int
    higher: int
    p_value: float


def estimate(values: ndarray) -> Estimate:
    """Return mean and interval of float [n]; nan values are left out."""
    defined = values[~np.isnan(values)]
    count = len(defined)
    mean = float(defined.mean()) if count else float("nan")
    if count < 2:
        return Estimate(mean, float("nan"), count)
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)
    return Estimate(mean, float(quantile * defined.std(ddof=1) / np.sqrt(count)), count)


def difference(first: ndarray, second: ndarray) -> Difference:
    """Compare two methods' values [n] on the same images; nan in either is left out."""
    differences = first - second
    differences = differences[~np.isnan(differences)]
    p_value = float(stats.wilcoxon(differences).pvalue) if differences.any() else 1.0
    lower, higher = int((differences < 0).sum()), int((differences > 0).sum())
    return Difference(estimate(differences), lower, higher, p_value)
