# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""How well a method fills the holes of the validation images.

Letters: H W image.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy import ndarray
from paddle import nn

from ppdeepfill.baselines import mean_fill, telea
from ppdeepfill.inpainter import inpainting

FULL = np.uint8(255)  # what a mask holds in the hole where people see it


class ValidationSet(Sequence):
    """The first images of a data set, or some spread evenly over it, each with its fixed hole.

    Args:
        dataset: with a length and `validation_sample(i)`.
        count: how many at most.

    Attributes:
        dataset: the same.
    """

    def __init__(self, dataset, count: int):
        self.dataset = dataset
        self._indices = np.linspace(0, len(dataset) - 1, min(count, len(dataset))).round()

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, number: int):
        return self.dataset.validation_sample(int(self._indices[number]))


def validate(network: nn.Layer, samples: Sequence, *, batch_size: int) -> dict[str, float]:
    """Score a network, `batch_size` images at a time; see `score`."""
    with inpainting(network) as inpainter:
        return score(samples, _fill_in_batches(inpainter, samples, batch_size))


def validate_baselines(samples: Sequence) -> dict[str, dict[str, float]]:
    """Score the methods without a network, by name; see `score`."""
    return {
        method.__name__: score(samples, (method(s.image, s.mask * FULL) for s in samples))
        for method in (mean_fill, telea)
    }


def score(samples: Iterable, completed: Iterable[ndarray]) -> dict[str, float]:
    """Compare completed images with the truth.

    Args:
        samples: each with image uint8 [H, W, 3] and mask uint8 [H, W], 1 = hole.
        completed: uint8 [H, W, 3] for each of them.

    Returns:
        Means over the images: `hole_l1` in 0..1, mean absolute error over the pixels of the hole
        (0..255 taken as 0..1), and `psnr` in dB, of the whole image.
    """
    scores = [
        (hole_l1(filled, s.image, s.mask), psnr(filled, s.image))
        for s, filled in zip(samples, completed, strict=True)
    ]
    means = np.mean(scores, axis=0)
    return {"hole_l1": float(means[0]), "psnr": float(means[1])}


def hole_l1(completed: ndarray, image: ndarray, mask: ndarray) -> float:
    """Mean absolute error in 0..1 over the hole of uint8 images; 0 without a hole."""
    error = np.abs(completed[mask > 0].astype(np.float64) - image[mask > 0]) / 255
    return float(error.mean()) if error.size else 0.0


def psnr(completed: ndarray, image: ndarray) -> float:
    """Peak signal-to-noise ratio in dB of uint8 images; 100 for equal ones."""
    squared_error = np.square(completed.astype(np.float64) - image).mean()
    return float(10 * np.log10(255**2 / squared_error)) if squared_error else 100.0


def _fill_in_batches(inpainter, samples, batch_size: int) -> Iterator[ndarray]:
    for start in range(0, len(samples), batch_size):
        batch = [samples[n] for n in range(start, min(start + batch_size, len(samples)))]
        images, masks = np.stack([s.image for s in batch]), np.stack([s.mask for s in batch])
        yield from inpainter.fill_batch(images, masks * FULL)
