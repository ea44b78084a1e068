# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Images, masks and training batches.

Import the loader from `ppdeepfill.data.loader`; only the loader needs Paddle.
"""

from ppdeepfill.data.dataset import InpaintingDataset, Sample, Skipped, spread
from ppdeepfill.data.masks import Bbox, center_mask, draw_mask, free_form_mask, rectangle_mask
from ppdeepfill.data.sources import ImageSource, UnreadableImage, open_source

__all__ = [
    "Bbox",
    "ImageSource",
    "InpaintingDataset",
    "Sample",
    "Skipped",
    "UnreadableImage",
    "center_mask",
    "draw_mask",
    "free_form_mask",
    "open_source",
    "rectangle_mask",
    "spread",
]
