# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The picture that shows training progress: the network's results on a few fixed images."""

import contextlib
from collections.abc import Sequence

import numpy as np
from numpy import ndarray
from paddle import nn

from ppdeepfill.data import Sample, UnreadableImage, spread
from ppdeepfill.data.pixels import WHITE, to_levels
from ppdeepfill.drawing.grid import comparison_grid
from ppdeepfill.drawing.offsets import color_offsets
from ppdeepfill.inference.inpainter import Inpainter, inpainting, to_uint8
from ppdeepfill.networks import offsets_of

PICTURE_ROWS = 4


def fixed_samples(dataset) -> list[Sample]:
    """Return a few evenly spaced samples of a dataset; unreadable images are left out."""
    readable = []
    for index in spread(len(dataset), PICTURE_ROWS):
        with contextlib.suppress(UnreadableImage):
            readable.append(dataset.validation_sample(index))
    return readable


def draw_samples(network: nn.Layer, samples: Sequence[Sample]) -> ndarray:
    """Draw one row per sample: masked input, coarse, completed, truth, offset map.

    Networks without a coarse stage or without attention have shorter rows.

    Args:
        network: with its current weights.
        samples: each with image uint8 [H, W, 3] and mask uint8 [H, W], 1 = hole; H and W multiples
            of 8.

    Returns:
        uint8 RGB picture.
    """
    with inpainting(network) as inpainter:
        return comparison_grid([_row(inpainter, s.image, s.mask) for s in samples])


def _row(inpainter: Inpainter, image: ndarray, mask: ndarray) -> list[ndarray]:
    hole = mask[..., None] > 0
    prediction = inpainter.predict(image[None], to_levels(mask[None]))
    row = [np.where(hole, WHITE, image)]
    if prediction.coarse is not None:
        row.append(to_uint8(prediction.coarse)[0])
    row += [np.where(hole, to_uint8(prediction.refined)[0], image), image]
    offsets = offsets_of(prediction)
    if offsets is not None:
        row.append(color_offsets(offsets[0].numpy()))
    return row
