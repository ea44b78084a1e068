# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Score how well a method fills holes in the validation images.

Letters: H W image.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
from numpy import ndarray
from paddle import nn

from ppdeepfill.data import InpaintingDataset, Sample, Skipped, UnreadableImage, spread
from ppdeepfill.data.pixels import to_levels
from ppdeepfill.errors import DataError
from ppdeepfill.evaluation.metrics import l1, psnr
from ppdeepfill.inference.baselines import mean_fill, telea
from ppdeepfill.inference.inpainter import Inpainter, inpainting


class ValidationSet(Iterable[Sample]):
    """Evenly spaced images of a dataset, each with a fixed hole.

    Unreadable images are left out, logged by name and counted.

    Args:
        dataset: source of the images.
        count: maximum number of images.

    Attributes:
        dataset: as given.
        skipped: the unreadable images so far, by name, with reasons.
    """

    def __init__(self, dataset: InpaintingDataset, count: int):
        self.dataset = dataset
        self.skipped = Skipped(dataset.source.spec)
        self._indices = spread(len(dataset), count)

    def __len__(self) -> int:
        return len(self._indices)

    def __iter__(self) -> Iterator[Sample]:
        """Yield the samples; raises DataError if no image can be read."""
        for index in self._indices:
            try:
                yield self.dataset.validation_sample(index)
            except UnreadableImage as error:
                self.skipped.note(error.name, error.reason)
        if len(self.skipped) == len(self):
            raise DataError(
                f"none of the {len(self)} validation images of {self.skipped.spec} can be read, "
                "see above; set data.validation to other images, or to null for no validation"
            )


def validate(network: nn.Layer, samples: Iterable, *, batch_size: int) -> dict[str, float]:
    """Score a network, `batch_size` images at a time; see `score`."""
    with inpainting(network) as inpainter:
        return score(_fill_in_batches(inpainter, samples, batch_size))


def validate_baselines(samples: Iterable) -> dict[str, dict[str, float]]:
    """Score the methods without a network, by name; see `score`."""
    return {
        method.__name__: score((s, method(s.image, to_levels(s.mask))) for s in samples)
        for method in (mean_fill, telea)
    }


def score(completed: Iterable[tuple[Sample, ndarray]]) -> dict[str, float]:
    """Compare completed images with the truth.

    Args:
        completed: pairs of a sample, with image uint8 [H, W, 3] and mask uint8 [H, W] (1 = hole),
            and its completed image, uint8 [H, W, 3].

    Returns:
        Means over the images: `hole_l1`, the mean absolute error over the pixels of the hole, in
        0..1 (pixel values scaled from 0..255), and `psnr` of the whole image, in dB.
    """
    scores = [(l1(filled, s.image, s.mask > 0), psnr(filled, s.image)) for s, filled in completed]
    means = np.mean(scores, axis=0)
    return {"hole_l1": float(means[0]), "psnr": float(means[1])}


def _fill_in_batches(
    inpainter: Inpainter, samples: Iterable[Sample], batch_size: int
) -> Iterator[tuple[Sample, ndarray]]:
    remaining = iter(samples)
    while batch := list(islice(remaining, batch_size)):
        images, masks = np.stack([s.image for s in batch]), np.stack([s.mask for s in batch])
        yield from zip(batch, inpainter.fill_batch(images, to_levels(masks)), strict=True)
