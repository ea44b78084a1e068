# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A trained network as a function on NumPy images.

Letters: B batch, H W image.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import paddle
from numpy import ndarray
from paddle import Tensor, nn

from ppdeepfill.data.pixels import is_hole, to_bytes, to_levels, to_unit_range, why_no_hole
from ppdeepfill.errors import ConfigError
from ppdeepfill.networks import Prediction, classes_of, predict_in_hole, size_multiple_of
from ppdeepfill.networks.kernels import (
    MemoryBudgetError,
    attention_memory_limit,
    one_thread_at_a_time,
)
from ppdeepfill.parallel import FreedMemory
from ppdeepfill.weights.finding import DEMO, SHIPPED, load_generator

ATTENTION_MEMORY = 2.0  # GiB
GIB = 1 << 30
T = TypeVar("T")


class Inpainter:
    """Fills holes in images of any size.

    Several threads may use it; they compute in turn.

    Args:
        network: a network built by `build_network`; it is switched to evaluation mode.
        attention_memory: GiB that the attention may use. For larger images it works in blocks,
            with the same numbers up to float rounding. The rest of the network is not limited.

    Attributes:
        network: the same layer.
        multiple: images are padded so that their sides are multiples of it.
        classes: number of classes of its label maps; None if the network takes none.

    Raises:
        ConfigError: `attention_memory` is not positive and finite.
    """

    def __init__(self, network: nn.Layer, *, attention_memory: float = ATTENTION_MEMORY):
        is_number = isinstance(attention_memory, (int, float))
        if not is_number or not 0 < attention_memory * GIB < math.inf:  # also false for nan
            raise ConfigError(
                f"attention_memory must be a finite number of GiB above 0; got {attention_memory!r}"
            )
        self.network = network
        self.multiple = size_multiple_of(network)
        self.classes = classes_of(network)
        self._attention_bytes = int(attention_memory * GIB)
        self._freed_memory = FreedMemory()
        network.eval()

    @classmethod
    def from_checkpoint(
        cls, path: str | Path, *, attention_memory: float = ATTENTION_MEMORY
    ) -> "Inpainter":
        """Load a generator file, a checkpoint folder, or the best model of an output_dir.

        Raises:
            CheckpointError: there is no generator, or the file is not one.
            ConfigError: `attention_memory` is not positive and finite.
        """
        return cls(load_generator(path), attention_memory=attention_memory)

    @classmethod
    def demo(cls, *, attention_memory: float = ATTENTION_MEMORY) -> "Inpainter":
        """Load `demo`, a network that ships with the package.

        `weights/shipped/demo/card.md` describes it. `from_checkpoint("demo_small")` loads a smaller
        and faster one.

        Raises:
            ConfigError: `attention_memory` is not positive and finite.
        """
        return cls.from_checkpoint(SHIPPED[DEMO], attention_memory=attention_memory)

    def __call__(self, image: ndarray, mask: ndarray, labels: ndarray | None = None) -> ndarray:
        """Fill the hole.

        Args:
            image: uint8 [H, W, 3] RGB.
            mask: uint8 [H, W], values above 127 mark the hole (use 255) and others the known
                region (use 0); or bool [H, W], True = hole. If there is no hole, returns a copy of
                the image.
            labels: integers [H, W], the class of each pixel, also in the hole, for networks that
                have `classes`; 255 lets the network decide.

        Returns:
            uint8 [H, W, 3], equal to `image` outside the hole.

        Raises:
            ValueError: wrong type or shape, different sizes, a mask with nonzero values but
                none above 127, such as a mask of 0 and 1, or labels that the network cannot use.
            ConfigError: `attention_memory` is too small for this size.
        """
        mask = check_pair(image, mask)
        if labels is not None:
            self._check_labels(labels, mask.shape)
        if not mask.any():
            return image.copy()
        return self.fill_batch(*(x[None] for x in (image, mask, labels) if x is not None))[0]

    def fill_batch(self, images: ndarray, masks: ndarray, labels: ndarray | None = None) -> ndarray:
        """Fill the holes of a batch: uint8 [B, H, W, 3], [B, H, W], [B, H, W] -> [B, H, W, 3]."""
        height, width = masks.shape[1:]
        refined = to_uint8(self.predict_in_holes(images, masks, labels).refined)
        return np.where(holes_of(masks)[..., None], refined[:, :height, :width], images)

    def predict(self, images: ndarray, masks: ndarray, labels: ndarray | None = None) -> Prediction:
        """Return the network's full output for a batch; arguments as in `fill_batch`.

        Its sides are padded to multiples of `multiple`. The padding mirrors both image and hole, so
        that a hole at the edge continues.
        """
        return self._run(self.network, images, masks, labels)

    def predict_in_holes(
        self, images: ndarray, masks: ndarray, labels: ndarray | None = None
    ) -> Prediction:
        """Return a prediction that is valid only inside the holes, faster than `predict`.

        The numbers there are the same, up to float rounding; a network may leave out what the holes
        do not need.
        """
        return self._run(partial(predict_in_hole, self.network), images, masks, labels)

    def _run(
        self,
        network: Callable[..., T],
        images: ndarray,
        masks: ndarray,
        labels: ndarray | None,
    ) -> T:
        border = [(0, 0), *((0, -size % self.multiple) for size in masks.shape[1:])]
        holes = np.pad(holes_of(masks), border, mode="symmetric")[:, None].astype(np.float32)
        images = np.pad(images, [*border, (0, 0)], mode="symmetric").transpose(0, 3, 1, 2)
        inputs = [to_unit_range(images) * (1 - holes), holes]
        if labels is not None:
            self._check_labels(labels, masks.shape)
            inputs.append(np.pad(labels, border, mode="symmetric").astype(np.int64))
        try:
            with (
                one_thread_at_a_time(),
                paddle.no_grad(),
                attention_memory_limit(self._attention_bytes),
            ):
                output = network(*map(paddle.to_tensor, inputs))
                self._freed_memory.bound()
                return output
        except MemoryBudgetError as error:
            raise ConfigError(f"attention_memory: {error}") from error

    def _check_labels(self, labels: ndarray, shape: tuple[int, ...]) -> None:
        if self.classes is None:
            raise ValueError("this network takes no label map; leave labels out")
        fits = isinstance(labels, ndarray) and labels.shape == shape and labels.dtype.kind in "iu"
        _check_array("labels", labels, f"whole numbers {list(shape)}, one for each pixel", fits)


@contextmanager
def inpainting(network: nn.Layer) -> Iterator[Inpainter]:
    """An `Inpainter` for a network in training; afterwards each layer is back in its mode."""
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
    """Check that image and mask match; return the mask as uint8 [H, W], 255 = hole.

    Raises:
        ValueError: not uint8 [H, W, 3] and uint8 or bool [H, W] of the same size, or a mask with
            nonzero values but none above 127.
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
        ValueError: a mask has nonzero values but none above 127, such as a mask of 0 and 1.
    """
    holes = is_hole(masks)
    for mask, hole in zip(masks, holes, strict=True):
        if mask.any() and not hole.any():
            raise ValueError(f"mask: {why_no_hole(mask)}; for a mask of 0 and 1, pass mask > 0")
    return holes


def _check_array(name: str, given: object, expected: str, fits: bool) -> None:
    if fits:
        return
    if isinstance(given, ndarray):
        raise ValueError(f"{name} must be {expected}; got {given.dtype} {list(given.shape)}")
    advice = ""
    if hasattr(given, "__array_interface__") or isinstance(given, (list, tuple)):
        pixels = {"image": "x.convert('RGB')", "mask": "x.convert('L')"}.get(name, "x")
        advice = f"; for a PIL image, pass numpy.asarray({pixels})"
    elif isinstance(given, (str, Path)):
        advice = "; to fill files, use `ppdeepfill predict`"
    raise ValueError(
        f"{name} must be a NumPy array, {expected}; got {type(given).__name__}{advice}"
    )
