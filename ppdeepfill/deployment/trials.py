# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Images and masks on which an exported graph is compared with its network.

Letters: B batch, H W image.
"""

from collections.abc import Sequence

import numpy as np
from numpy import ndarray

FREE = -1  # the size of an axis that may have any
TRIALS = ((2, 3, 64, 64), (1, 3, 70, 83))  # sizes to compare on for free axes


def trials_of(input_shape: Sequence[int]) -> list[tuple[ndarray, ndarray]]:
    """Random images and masks, each sample of a batch with its own hole."""
    rng = np.random.default_rng(0)
    shapes = {
        tuple(
            fixed if fixed != FREE else size for fixed, size in zip(input_shape, trial, strict=True)
        )
        for trial in TRIALS
    }
    trials = []
    for shape in sorted(shapes):
        mask = np.zeros(mask_shape(shape), np.float32)
        for number, sample in enumerate(mask[:, 0]):
            height, width = sample.shape
            sample[height // 4 + number : height // 2 + number + 1, width // 3 : width - 8] = 1.0
        trials.append((rng.integers(0, 256, shape).astype(np.float32), mask))
    return trials


def mask_shape(image_shape: Sequence[int]) -> tuple[int, ...]:
    """[B, 3, H, W] of images -> [B, 1, H, W] of their masks; `FREE` stays free."""
    batch, _, height, width = image_shape
    return batch, 1, height, width
