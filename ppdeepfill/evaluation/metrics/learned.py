# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The metrics that need weights from elsewhere: absent unless their files are given."""

from pathlib import Path

from numpy import ndarray

from ppdeepfill.evaluation.metrics.fid import FEATURES, InceptionFeatures
from ppdeepfill.evaluation.metrics.perceptual import Lpips


class LearnedMetrics:
    """LPIPS and FID, each only if its weights are given.

    Args:
        lpips_weights: see `Lpips`; None omits LPIPS.
        fid_weights: see `InceptionFeatures`; None omits FID.

    Raises:
        WeightsError: a file is missing or damaged.
        CheckpointError: a file contains other arrays.
    """

    def __init__(self, lpips_weights: Path | None = None, fid_weights: Path | None = None):
        self._lpips = Lpips(lpips_weights) if lpips_weights else None
        self._inception = InceptionFeatures(fid_weights) if fid_weights else None

    def measure(self, completed: ndarray, image: ndarray) -> dict[str, float]:
        """LPIPS of two images uint8 [H, W, 3]; empty without its weights."""
        return {"lpips": self._lpips(completed, image)} if self._lpips else {}

    def features(self, key: str, image: ndarray) -> dict[str, ndarray]:
        """FID's features of an image uint8 [H, W, 3], under a key; empty without its weights."""
        return {key: self._inception(image)} if self._inception else {}

    def notes(self, count: int) -> list[str]:
        """Notes on metrics that lack weights, and on the bias of FID."""
        absent = "{0} is absent: no weights given (--{0}_weights FILE, see docs/metrics.md)"
        notes = [] if self._lpips else [absent.format("lpips")]
        if not self._inception:
            notes.append(absent.format("fid"))
        elif count < FEATURES:
            notes.append(
                f"fid of {count} images is biased upwards: compare it only with the fid of the "
                f"same number of images, and publish it for {FEATURES} or more"
            )
        return notes
