# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The batch of images that a training step works on."""

from typing import NamedTuple

from numpy import ndarray
from paddle import Tensor

from ppdeepfill.errors import DataError


class Batch(NamedTuple):
    """B images of H x W pixels with their holes.

    Attributes:
        image: [B, 3, H, W] float32 RGB in [-1, 1].
        mask: [B, 1, H, W] float32, 1 = hole, 0 = known.
        bboxes: [B, 4] int: top, left, height, width of the local region, in pixels.
        sample_numbers: [B] int64, number of each sample in the sequence that training draws; an
            objective derives its random numbers from it.
        labels: [B, H, W] int64 class of each pixel, for methods that use a label map.
    """

    image: Tensor
    mask: Tensor
    bboxes: ndarray
    sample_numbers: ndarray
    labels: Tensor | None = None

    def required_labels(self) -> Tensor:
        """The labels.

        Raises:
            DataError: there are none.
        """
        if self.labels is None:
            raise DataError(
                "this objective learns from label maps, and the training images have none: set "
                "data.labels to a folder with a PNG for each of them. To make these with "
                "PaddleSeg, see docs/methods/semantic_guidance.md"
            )
        return self.labels

    def parts(self, count: int) -> list["Batch"]:
        """Split into `count` batches of equal size, in order; for 1, return the batch itself.

        Raises:
            ValueError: the images cannot be divided evenly.
        """
        if count == 1:
            return [self]
        size, rest = divmod(len(self.bboxes), count)
        if rest or not size:
            raise ValueError(f"a batch of {len(self.bboxes)} cannot be divided into {count} parts")
        slices = [slice(start, start + size) for start in range(0, size * count, size)]
        return [
            Batch(
                self.image[part],
                self.mask[part],
                self.bboxes[part],
                self.sample_numbers[part],
                None if self.labels is None else self.labels[part],
            )
            for part in slices
        ]
