# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Notes that readers need to understand the numbers."""

from collections.abc import Mapping, Sequence

import numpy as np

from ppdeepfill.errors import listed
from ppdeepfill.evaluation.metrics.learned import LearnedMetrics
from ppdeepfill.evaluation.metrics.pixels import PSNR_OF_EQUALS
from ppdeepfill.evaluation.scoring import ImageResult

LISTED = 10  # names of unreadable images


def notes_on(
    results: Sequence[ImageResult],
    skipped: Mapping[str, str],
    learned: LearnedMetrics,
    *,
    guided: Sequence[str] = (),
) -> list[str]:
    """Return notes on images left out, undefined or capped values, and missing metrics.

    Args:
        results, skipped: see `score_methods`.
        learned: which metrics were measured.
        guided: names of the methods that got label maps.
    """
    return [
        *_left_out(skipped),
        *_perfect(results),
        *_undefined(results),
        *learned.notes(len(results)),
        *(f"{method} was told the class of every pixel, also in the hole" for method in guided),
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
                f"{method} equals the truth on {count} images: their PSNR is infinite and counts "
                f"as {PSNR_OF_EQUALS:.0f} dB in all means"
            )
    return notes


def _undefined(results: Sequence[ImageResult]) -> list[str]:
    """Count undefined values; only relative errors of black images can be undefined."""
    scores = results[0].scores
    counts = {
        metric: sum(np.isnan(next(iter(r.scores.values()))[metric]) for r in results)
        for metric in next(iter(scores.values()))
    }
    return [
        f"{metric} is undefined on {count} images, which are black there; its mean leaves them out"
        for metric, count in counts.items()
        if count
    ]
