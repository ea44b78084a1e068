# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What a reader of the numbers must know besides."""

from collections.abc import Mapping, Sequence

import numpy as np

from ppdeepfill.errors import listed
from ppdeepfill.evaluation.metrics.learned import LearnedMetrics
from ppdeepfill.evaluation.metrics.pixels import PSNR_OF_EQUALS
from ppdeepfill.evaluation.scoring import ImageResult

LISTED = 10  # names of unreadable images


def notes_on(
    results: Sequence[ImageResult], skipped: Mapping[str, str], learned: LearnedMetrics
) -> list[str]:
    """A line each on images left out, numbers undefined or capped, and metrics not given."""
    return [
        *_left_out(skipped),
        *_perfect(results),
        *_undefined(results),
        *learned.notes(len(results)),
    ]


def _left_out(skipped: Mapping[str, str]) -> list[str]:
    if not skipped:
        return ["every image asked for was scored"]
    names = [f"{name!r} ({reason})" for name, reason in skipped.items()]
    return [f"{len(skipped)} images were left out: {listed(names, most=LISTED)}"]


def _perfect(results: Sequence[ImageResult]) -> list[str]:
    notes = []
    for method in results[0].scores:
        count = sum(r.scores[method]["psnr"] == PSNR_OF_EQUALS for r in results)
        if count:
            notes.append(
                f"{method} equals the truth on {count} images: their PSNR, which is infinite, "
                f"counts as {PSNR_OF_EQUALS:.0f} dB in every mean"
            )
    return notes


def _undefined(results: Sequence[ImageResult]) -> list[str]:
    """Relative errors of black images are the only ones."""
    scores = results[0].scores
    counts = {
        metric: sum(np.isnan(next(iter(r.scores.values()))[metric]) for r in results)
        for metric in next(iter(scores.values()))
    }
    return [
        f"{metric} is undefined on {count} images, which are black there; its mean is over the rest"
        for metric, count in counts.items()
        if count
    ]
