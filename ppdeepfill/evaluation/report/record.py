# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The results of a test as nested dicts, ready for JSON; all report formats are made from it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy import ndarray

from ppdeepfill.evaluation.metrics import METRICS
from ppdeepfill.evaluation.report.statistics import INTERVAL, TEST, difference, estimate
from ppdeepfill.evaluation.scoring import ImageResult

BUCKETS = (0.0, 0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1.0)  # bounds of the hole's share of the image
LPIPS = "0 or more, whole image, VGG-16, version 0.1"


def build_record(
    setting: Mapping[str, Any], results: Sequence[ImageResult], fid: Mapping[str, float | None]
) -> dict[str, Any]:
    """Return the contents of a report, except the pictures.

    Args:
        setting: what was compared and how, as JSON values; comes first in the result.
        results: one per image.
        fid: by method; empty without FID.

    Returns:
        `setting`; `definitions` by metric; `means` by method and metric; `by_hole_area`; `pairs`;
        `fid`. Undefined numbers are None.
    """
    values = _columns(results)
    return {
        **setting,
        "definitions": _definitions(values),
        "interval": INTERVAL,
        "means": _means(values),
        "fid": dict(fid),
        "by_hole_area": _by_hole_area(results),
        "test": TEST,
        "pairs": _pairs(values),
    }


def _columns(results: Sequence[ImageResult]) -> dict[str, dict[str, ndarray]]:
    """Return values [n] by method and metric."""
    columns: dict[str, dict[str, ndarray]] = defaultdict(dict)
    for method, scores in results[0].scores.items():
        for metric in scores:
            columns[method][metric] = np.array([r.scores[method][metric] for r in results])
    return columns


def _definitions(values: Mapping[str, Mapping[str, ndarray]]) -> dict[str, dict[str, str]]:
    definitions = {
        name: {
            "better": metric.better,
            "meaning": metric.meaning,
            "literature": metric.literature,
        }
        for name, metric in METRICS.items()
    }
    if any("lpips" in columns for columns in values.values()):
        definitions["lpips"] = {"better": "lower", "meaning": LPIPS, "literature": "LPIPS (VGG)"}
    return definitions


def _means(values: Mapping[str, Mapping[str, ndarray]]) -> dict[str, dict[str, Any]]:
    return {
        method: {metric: _numbers(estimate(column)) for metric, column in columns.items()}
        for method, columns in values.items()
    }


def _by_hole_area(results: Sequence[ImageResult]) -> list[dict[str, Any]]:
    """Return the means for images with holes of similar area, for each bucket with images."""
    buckets = []
    for low, high in pairwise(BUCKETS):
        inside = [result for result in results if low < result.hole_area <= high]
        if inside:
            means = _means(_columns(inside))
            buckets.append({"above": low, "up_to": high, "images": len(inside), "means": means})
    return buckets


def _pairs(values: Mapping[str, Mapping[str, ndarray]]) -> list[dict[str, Any]]:
    """Compare every two methods by every metric."""
    pairs = []
    for first, second in combinations(values, 2):
        for metric, column in values[first].items():
            found = difference(column, values[second][metric])
            pairs.append(
                {
                    "first": first,
                    "second": second,
                    "metric": metric,
                    "difference": _numbers(found.estimate),
                    "first_lower": found.lower,
                    "first_higher": found.higher,
                    "p_value": found.p_value,
                }
            )
    return pairs


def _numbers(numbers) -> dict[str, float | int | None]:
    """Convert a NamedTuple of numbers to a dict for JSON, which has no nan."""
    return {k: None if np.isnan(v) else v for k, v in numbers._asdict().items()}
