# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The images of a test, all prepared the same way, each with its fixed hole."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray

from ppdeepfill.data.dataset import LABELS, fit
from ppdeepfill.data.labels import LabelReader
from ppdeepfill.data.sources import ImageSource, UnreadableImage
from ppdeepfill.evaluation.mask_sets import MaskSet

COVERED = np.uint8(127)  # value of the hole that methods see


class EvaluationSample(NamedTuple):
    """One image of a test."""

    number: int  # in the source
    name: str
    image: ndarray  # uint8 [H,W,3] RGB
    mask: ndarray  # uint8 [H,W], 1 = hole
    labels: ndarray | None = None  # uint8 [H,W], see `LabelMaps`

    @property
    def covered(self) -> ndarray:
        """The image with grey in the hole; methods see only this."""
        return np.where(self.mask[..., None] > 0, COVERED, self.image)


class EvaluationSet:
    """Images by their number in a source; a pure function of it.

    Args:
        source: the images.
        masks: their holes.
        image_size: height and width of the samples in px.
        crop: True cuts the centred window at the image's own scale, False resizes; see `fit`.
        labels: their label maps; None: samples have none.
    """

    def __init__(
        self,
        source: ImageSource,
        masks: MaskSet,
        *,
        image_size: tuple[int, int],
        crop: bool = True,
        labels: LabelReader | None = None,
    ):
        self.source = source
        self.masks = masks
        self.image_size = image_size
        self.crop = crop
        self.labels = labels

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> EvaluationSample:
        """Return a sample.

        Raises:
            UnreadableImage: the image or its mask cannot be read, or there is no hole, or the hole
                covers everything.
            DataError: there is no mask or no label map for it, or it has another size.
        """
        stored = self.source.read(index)
        name = self.source.name(index)
        size = stored.shape[0], stored.shape[1]
        mask = self.masks(index, name, size)
        if mask.all():  # methods have nothing to fill it from
            raise UnreadableImage(name, "the hole covers the whole crop")
        image = fit(stored, self.image_size, crop=self.crop)
        if self.labels is None:
            return EvaluationSample(index, name, image, mask)
        labels = self.labels(name, size)
        labels = fit(labels, self.image_size, crop=self.crop, interpolation=LABELS[0])
        return EvaluationSample(index, name, image, mask, labels)
