# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The best, the median and the worst image of a test, filled by every method: ranked.png."""

from collections.abc import Sequence

import numpy as np
from numpy import ndarray

from ppdeepfill.data.pixels import WHITE
from ppdeepfill.drawing.grid import comparison_grid
from ppdeepfill.evaluation.images import EvaluationSample, EvaluationSet
from ppdeepfill.evaluation.methods import Method
from ppdeepfill.evaluation.scoring import ImageResult

RANKS = ("best", "median", "worst")
METRIC = "hole_l1"


def ranked(results: Sequence[ImageResult]) -> list[ImageResult]:
    """The images of `RANKS` by the first method's hole L1; one image may hold several ranks."""
    first = next(iter(results[0].scores))
    ordered = sorted(results, key=lambda result: result.scores[first][METRIC])
    return [ordered[0], ordered[len(ordered) // 2], ordered[-1]]


def describe_ranked(results: Sequence[ImageResult]) -> dict[str, dict]:
    """Which images those are, by rank, with the hole L1 of every method."""
    return {
        rank: {
            "name": result.name,
            "hole_area": result.hole_area,
            METRIC: {method: scores[METRIC] for method, scores in result.scores.items()},
        }
        for rank, result in zip(RANKS, ranked(results), strict=True)
    }


def draw_ranked(
    methods: Sequence[Method], images: EvaluationSet, results: Sequence[ImageResult]
) -> ndarray:
    """A row for each rank: input, the image completed by each method, truth; uint8 [h, w, 3]."""
    samples = [images[result.index] for result in ranked(results)]
    return comparison_grid([_row(sample, methods) for sample in samples])


def _row(sample: EvaluationSample, methods: Sequence[Method]) -> list[ndarray]:
    hole = sample.mask[..., None] > 0
    completed = [method.fill([sample])[0] for method in methods]
    return [np.where(hole, WHITE, sample.image), *completed, sample.image]
