# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Photographs in many kinds of file."""

import cv2
import numpy as np
import pytest


@pytest.fixture
def colors(rng) -> np.ndarray:
    """Smooth colours and opacity, uint8 [40, 56, 4]."""
    return cv2.resize(rng.integers(0, 256, (5, 7, 4), dtype=np.uint8), (56, 40))


@pytest.fixture
def hole() -> np.ndarray:
    hole = np.zeros((40, 56), bool)
    hole[8:24, 16:40] = True
    return hole
