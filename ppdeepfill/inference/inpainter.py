# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A trained network as a function on NumPy images.

Letters: B batch, H W image.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import paddle
from numpy import ndarray
from paddle import Tensor, nn

from ppdeepfill.data.pixels import is_hole, to_bytes, to_levels, to_unit_range, without_hole
from ppdeepfill.errors import ConfigError
from ppdeepfill.networks import Prediction, size_multiple_of
from ppdeepfill.networks.kernels import MemoryBudgetError, attention_memory_limit
from ppdeepfill.weights.finding import SHIPPED, load_generator

ATTENTION_MEMORY = 2.0  # GiB
GIB = 1 << 30


class Inpainter:
    """Fills holes in images of any size.

    Args:
        network: a layer of the zoo; it is switched to evaluation.
        attention_memory: GiB that the attention may use. Larger images go through it in blocks,
            with the same numbers to float rounding; the rest of the network is not limited.

    Attributes:
        network: the same layer.
        multiple: images are padded to sides that are multiples of it, for the network.

    Raises:
        ConfigError: `attention_memory` is not positive and finite.
    """

    def __init__(self, network: nn.Layer, *, attention_memory: float = ATTENTION_MEMORY):
        number = isinstance(attention_memory, (int, float))
        if not number or not 0 < attention_memory * GIB < math.inf:  # nan is not
            raise ConfigError(
                f"attention_memory must be above 0 GiB, a finite number; got {attention_memory!r}"
            )
        self.network = network
        self.multiple = size_multiple_of(network)
        self._attention_bytes = int(attention_memory * GIB)
        network.eval()

    @classmethod
    def from_checkpoint(
        cls, path: str | Path, *, attention_memory: float = ATTENTION_MEMORY
    ) -> "Inpainter":
        """Load a generator file, a checkpoint folder, or the best model of an output_dir.

        Raises:
            CheckpointError: no generator there, or a file that is not one.
            ConfigError: `attention_memory` is not positive and finite.
        """
        return cls(load_generator(path), attention_memory=attention_memory)

    @classmethod
    def demo(cls, *, attention_memory: float = ATTENTION_MEMORY) -> "Inpainter":
        """Load the network that comes with the package; `weights/shipped/card.md` describes it.

        Raises:
            ConfigError: `attention_memory` is not positive and finite.
        """
        return cls.from_checkpoint(SHIPPED, attention_memory=attention_memory)

    def __call__(self, image: ndarray, mask: ndarray) -> ndarray:
        """Fill the hole.

        Args:
            image: uint8 [H, W, 3] RGB.
            mask: uint8 [H, W]; above 127 = hole (draw it with 255), else known (0); or bool [H, W],
                True = hole. Without any hole, a copy of the image comes back.

        Returns:
            uint8 [H, W, 3], outside the hole equal to `image`.

        Raises:
            ValueError: another type or shape, sizes that differ, or a mask that has values but
                none above 127, such as one of 0 and 1.
            ConfigError: `attention_memory` is too small for this size.
        """
        mask = check_pair(image, mask)
        if not mask.any():
            return image.copy()
        return self.fill_batch(image[None], mask[None])[0]

    def fill_batch(self, images: ndarray, masks: ndarray) -> ndarray:
        """Fill the holes of images of one size: uint8 [B, H, W, 3], [B, H, W] -> [B, H, W, 3]."""
        height, width = masks.shape[1:]
        refined = to_uint8(self.predict(images, masks).refined)[:, :height, :width]
        return np.where(holes_of(masks)[..., None], refined, images)

    @paddle.no_grad()
    def predict(self, images: ndarray, masks: ndarray) -> Prediction:
        """All that the network says of uint8 [B, H, W, 3] and [B, H, W], padded to sides that fit.

        The padding mirrors image and hole alike, so that a hole at the edge stays one.
        """
        border = [(0, 0), *((0, -size % self.multiple) for size in masks.shape[1:])]
        holes = np.pad(holes_of(masks), border, mode="symmetric")[:, None].astype(np.float32)
        images = np.pad(images, [*border, (0, 0)], mode="symmetric").transpose(0, 3, 1, 2)
        masked_images = to_unit_range(images) * (1 - holes)
        try:
            with attention_memory_limit(self._attention_bytes):
                return self.network(paddle.to_tensor(masked_images), paddle.to_tensor(holes))
        except MemoryBudgetError as error:
            raise ConfigError(f"attention_memory: {error}") from error


@contextmanager
def inpainting(network: nn.Layer) -> Iterator[Inpainter]:
    """An `Inpainter` of a network that is being trained, which it leaves as it was."""
    modes = [(layer, layer.training) for layer in network.sublayers(include_self=True)]
    try:
        yield Inpainter(network)
    finally:
        for layer, training in modes:
            layer.training = training


def to_uint8(images: Tensor) -> ndarray:
    """[B, 3, H, W] in [-1, 1] -> [B, H, W, 3] in 0..255, rounded."""
    return to_bytes(images.numpy().transpose(0, 2, 3, 1))


def check_pair(image: ndarray, mask: ndarray) -> ndarray:
    """The mask as uint8 [H, W], 255 = hole, of an image and a mask that fit each other.

    Raises:
        ValueError: no uint8 [H, W, 3] and uint8 or bool [H, W] of one size, or a mask that means a
            hole by values that count as known.
    """
    image_fits = isinstance(image, ndarray) and image.ndim == 3 and image.shape[2] == 3
    _check_array("image", image, "uint8 [H, W, 3], RGB", image_fits and image.dtype == np.uint8)
    mask_fits = isinstance(mask, ndarray) and mask.ndim == 2
    expected = "uint8 [H, W], 255 = hole, 0 = known, or bool, True = hole"
    _check_array("mask", mask, expected, mask_fits and mask.dtype in (np.uint8, np.bool_))
    if image.shape[:2] != mask.shape or image.size == 0:
        raise ValueError(
            "image and mask must have the same height and width, at least one pixel each; "
            f"got {list(image.shape[:2])} and {list(mask.shape)}"
        )
    return to_levels(holes_of(mask[None])[0])


def holes_of(masks: ndarray) -> ndarray:
    """Masks [B, H, W], uint8 with 255 = hole or bool -> bool, True = hole.

    Raises:
        ValueError: a mask has values but none above 127, such as one of 0 and 1.
    """
    holes = is_hole(masks)
    for mask, hole in zip(masks, holes, strict=True):
        if mask.any() and not hole.any():
            raise ValueError(f"mask: {without_hole(mask)}; of a mask of 0 and 1, give mask > 0")
    return holes


def _check_array(name: str, given: object, expected: str, fits: bool) -> None:
    if fits:
        return
    if isinstance(given, ndarray):
        raise ValueError(f"{name} must be {expected}; got {given.dtype} {list(given.shape)}")
    advice = ""
    if hasattr(given, "__array_interface__") or isinstance(given, (list, tuple)):
        mode = "RGB" if name == "image" else "L"
        advice = f"; of a PIL image, give numpy.asarray(x.convert({mode!r}))"
    elif isinstance(given, (str, Path)):
        advice = "; to fill files, use `ppdeepfill predict`"
    raise ValueError(
        f"{name} must be a NumPy array, {expected}; got {type(given).__name__}{advice}"
    )
