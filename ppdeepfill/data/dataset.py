# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Training and validation samples: an image, a mask and the region around the hole.

A training sample is a pure function of the seed and its number. There is no other state, so a
resumed run, any number of workers and any split over processes get the same samples.
"""

import copy
import logging
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import cv2
import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ppdeepfill.data.labels import LabelMaps
from ppdeepfill.data.masks import Bbox, MaskSettings, center_mask, draw_mask, height_and_width
from ppdeepfill.data.sources import ImageSource, UnreadableImage
from ppdeepfill.errors import DataError

logger = logging.getLogger(__name__)

MAX_UNREADABLE = 100  # images in a row
# OpenCV's interpolation for enlarging or resizing a picture, and for shrinking a window.
COLORS, LABELS = (cv2.INTER_LINEAR, cv2.INTER_AREA), (cv2.INTER_NEAREST_EXACT,) * 2
# Independent random streams of one seed.
IMAGE_STREAM, MASK_STREAM, SHARED_MASK_STREAM, ORDER_STREAM = range(4)


class TrainingMaskSettings(MaskSettings, Protocol):
    """The `mask` part of the configuration."""

    @property
    def shared(self) -> bool: ...


class Sample(NamedTuple):
    """One image with its mask and local region.

    Attributes:
        image: uint8 [H,W,3] RGB.
        mask: uint8 [H,W], 1 = hole.
        bbox: the local region.
        number: of the sample in training, or of the image in validation.
        skipped: unreadable images that this one replaces: name -> reason.
        labels: uint8 [H,W], see `LabelMaps`; None without label maps.
    """

    image: ndarray
    mask: ndarray
    bbox: Bbox
    number: int
    skipped: dict[str, str]
    labels: ndarray | None = None


class Skipped(dict[str, str]):
    """The unreadable images of a source so far, name -> reason; each is logged once.

    Args:
        spec: the source as the user wrote it.
    """

    def __init__(self, spec: str):
        super().__init__()
        self.spec = spec

    def note(self, name: str, reason: str) -> None:
        """Count and log an image the first time it is skipped."""
        if name not in self:
            self[name] = reason
            logger.warning(
                "skipped unreadable image %r of %s: %s (%d so far)",
                name,
                self.spec,
                reason,
                len(self),
            )


class InpaintingDataset:
    """Samples from a source of images.

    Args:
        source: the images.
        image_size: side, or height and width, of the samples in px.
        mask: kind, size, max_shrink and shared (one mask per batch), as in the configuration.
        max_crop_scale: crop windows of 1 to this many times image_size, if the image is large
            enough, and shrink them by area averaging. Samples then show more of a scene, sharper.
        random_crop: True crops a window of image_size (smaller images are enlarged first); False
            resizes the whole image, ignoring its aspect ratio, with bilinear interpolation, as the
            authors do.
        reduced_decoding: if the whole image is resized, decode a JPEG at the smallest sufficient
            size; see `decode_image`. This is much faster for large photographs, but gives smoother
            images than the authors'.
        horizontal_flip: mirror each image with probability 0.5.
        labels: the label maps of the training images; None: samples have none.
        seed: determines all random choices.

    Raises:
        ValueError: the mask does not fit into `image_size`, or has an unknown kind.
    """

    def __init__(
        self,
        source: ImageSource,
        *,
        image_size: int | Sequence[int],
        mask: TrainingMaskSettings,
        random_crop: bool = True,
        max_crop_scale: float = 1.0,
        reduced_decoding: bool = True,
        horizontal_flip: bool = True,
        labels: LabelMaps | None = None,
        seed: int = 0,
    ):
        self.source = source
        self.image_size = height_and_width(image_size)
        self.mask = mask
        self.random_crop = random_crop
        self.max_crop_scale = max_crop_scale
        self.sufficient_size = self.image_size if reduced_decoding and not random_crop else None
        self.horizontal_flip = horizontal_flip
        self.labels = labels
        self.seed = seed
        draw_mask(mask, self.image_size, self._rng(MASK_STREAM, 0))  # checks the settings

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, key: tuple[int, int, int]) -> Sample:
        """Return the training sample for (image index, sample number, batch number).

        An unreadable image is replaced by another random one and listed in `skipped`.

        Raises:
            DataError: too many images in a row are unreadable, or a label map is missing or unfit.
        """
        index, number, batch_number = key
        rng = self._rng(IMAGE_STREAM, number)
        index, stored, skipped = self._read(index, rng)
        labels = None
        if self.labels is not None:
            size = stored.shape[0], stored.shape[1]
            stored_labels = self.labels.read(self.source.name(index), size)
            # The same random numbers as for the image, so that both show the same part.
            labels = self._placed(stored_labels, copy.deepcopy(rng), *LABELS)
        image = self._placed(stored, rng, *COLORS)
        shared = self.mask.shared
        draw = (SHARED_MASK_STREAM, batch_number) if shared else (MASK_STREAM, number)
        mask, bbox = draw_mask(self.mask, self.image_size, self._rng(*draw))
        return Sample(image, mask, bbox, number, skipped, labels)

    def _placed(self, picture: ndarray, rng: Generator, enlarge: int, shrink: int) -> ndarray:
        """The part of a picture [H,W,...] that a sample shows, mirrored or not."""
        if self.random_crop and self.max_crop_scale > 1.0:
            size, scale = self.image_size, self.max_crop_scale
            picture = random_window(picture, size, scale, rng, enlarge=enlarge, shrink=shrink)
        else:
            size, crop = self.image_size, self.random_crop
            picture = fit(picture, size, crop=crop, rng=rng, interpolation=enlarge)
        if self.horizontal_flip and rng.random() < 0.5:
            picture = picture[:, ::-1]
        return picture

    def validation_sample(self, index: int) -> Sample:
        """Return an image prepared as in training, but with window and hole centred.

        Raises:
            UnreadableImage: the image cannot be read.
        """
        stored = self.source.read(index, at_least=self.sufficient_size)
        image = fit(stored, self.image_size, crop=self.random_crop)
        mask, bbox = center_mask(self.image_size, height_and_width(self.mask.size))
        return Sample(image, mask, bbox, index, {})

    def _rng(self, stream: int, number: int) -> Generator:
        return np.random.default_rng([self.seed, stream, number])

    def _read(self, index: int, rng: Generator) -> tuple[int, ndarray, dict[str, str]]:
        """The image, or the next readable one: its number, pixels, and what was skipped."""
        skipped: dict[str, str] = {}
        for _ in range(MAX_UNREADABLE):
            try:
                return index, self.source.read(index, at_least=self.sufficient_size), skipped
            except UnreadableImage as error:
                skipped[error.name] = error.reason
            index = int(rng.integers(len(self.source)))
        name, reason = next(iter(skipped.items()))
        raise DataError(
            f"{MAX_UNREADABLE} images drawn in a row from {self.source.spec} cannot be read, for "
            f"example {name!r}: {reason}"
        )


def spread(length: int, count: int) -> list[int]:
    """Return at most `count` evenly spaced indices below `length`, from first to last."""
    return np.linspace(0, length - 1, min(count, length)).round().astype(int).tolist()


def random_window(
    image: ndarray,
    image_size: tuple[int, int],
    max_scale: float,
    rng: Generator,
    *,
    enlarge: int = cv2.INTER_LINEAR,
    shrink: int = cv2.INTER_AREA,
) -> ndarray:
    """Crop a random window of 1 to `max_scale` times `image_size`, and shrink it by area averaging.

    Args:
        image: [H,W,3] or [H,W]; if smaller than `image_size`, it is enlarged first, as in `fit`.
        image_size: height and width of the result in px.
        max_scale: at least 1; a window is never larger than the image.
        rng: draws size and position.
        enlarge, shrink: OpenCV's flags for resizing.
    """
    height, width = image_size
    fitting = min(image.shape[0] / height, image.shape[1] / width)
    scale = rng.uniform(1.0, max(1.0, min(max_scale, fitting)))
    size = int(height * scale), int(width * scale)
    window = fit(image, size, crop=True, rng=rng, interpolation=enlarge)
    return cv2.resize(window, (width, height), interpolation=shrink)


def fit(
    image: ndarray,
    image_size: tuple[int, int],
    *,
    crop: bool,
    rng: Generator | None = None,
    interpolation: int = cv2.INTER_LINEAR,
) -> ndarray:
    """Bring an image of any size to `image_size`, in training and in tests alike.

    Args:
        image: [H,W,3], or a mask [H,W].
        image_size: height and width in px.
        crop: True crops a window (smaller images are enlarged first); False resizes the whole
            image, ignoring its aspect ratio.
        rng: draws the window's position; without it, the window is centred.
        interpolation: OpenCV's flag for resizing.
    """
    height, width = image_size
    if not crop:
        return cv2.resize(image, (width, height), interpolation=interpolation)
    scale = max(height / image.shape[0], width / image.shape[1])
    if scale > 1:
        enlarged = (
            max(width, round(image.shape[1] * scale)),
            max(height, round(image.shape[0] * scale)),
        )
        image = cv2.resize(image, enlarged, interpolation=interpolation)
    room = image.shape[0] - height, image.shape[1] - width
    if rng is None:
        top, left = room[0] // 2, room[1] // 2
    else:
        top, left = (int(rng.integers(free + 1)) for free in room)
    return image[top : top + height, left : left + width]
