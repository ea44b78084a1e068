# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A trained network as a function on NumPy images.

Letters: B batch, H W image.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import paddle
from numpy import ndarray
from paddle import Tensor, nn

from ppdeepfill.errors import ConfigError
from ppdeepfill.networks import MemoryBudgetError, Prediction, limit_attention_memory
from ppdeepfill.networks.compiled_convolution import eagerly
from ppdeepfill.weights.finding import SHIPPED, load_generator

MULTIPLE = 8  # the networks halve the image twice, the attention once more
ATTENTION_MEMORY = 2.0  # GiB
GIB = 1 << 30
COMPILED_PIXELS = 1 << 21  # of all shapes together: about 1.2 GiB, see `compiled_convolution`

_compiled_shapes: set[tuple[int, ...]] = set()  # of this process


class Inpainter:
    """Fills holes in images of any size.

    Args:
        network: a layer of the zoo; it is switched to evaluation.
        attention_memory: GiB that the attention may use. Larger images go through it in blocks,
            with the same numbers to float rounding; the rest of the network is not limited.

    Attributes:
        network: the same layer.

    Raises:
        ConfigError: `attention_memory` is not positive and finite.
    """

    def __init__(self, network: nn.Layer, *, attention_memory: float = ATTENTION_MEMORY):
        if not 0 < attention_memory * GIB < math.inf:  # nan is not
            raise ConfigError(
                f"attention_memory must be above 0 GiB, and a finite number; got {attention_memory}"
            )
        self.network = network
        limit_attention_memory(network, int(attention_memory * GIB))
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
            mask: uint8 [H, W]; above 127 = hole (draw it with 255), else known (0).

        Returns:
            uint8 [H, W, 3], outside the hole equal to `image`.

        Raises:
            ValueError: another type or shape, or sizes that differ.
            ConfigError: `attention_memory` is too small for this size.
        """
        check_pair(image, mask)
        if not (mask > 127).any():
            return image.copy()
        return self.fill_batch(image[None], mask[None])[0]

    def fill_batch(self, images: ndarray, masks: ndarray) -> ndarray:
        """Fill the holes of images of one size: uint8 [B, H, W, 3], [B, H, W] -> [B, H, W, 3]."""
        height, width = masks.shape[1:]
        refined = to_uint8(self.predict(images, masks).refined)[:, :height, :width]
        return np.where(masks[..., None] > 127, refined, images)

    @paddle.no_grad()
    def predict(self, images: ndarray, masks: ndarray) -> Prediction:
        """All that the network says of uint8 [B, H, W, 3] and [B, H, W], padded to multiples of 8.

        The padding mirrors image and hole alike, so that a hole at the edge stays one.
        """
        border = [(0, 0), *((0, -size % MULTIPLE) for size in masks.shape[1:])]
        holes = np.pad(masks > 127, border, mode="symmetric")[:, None].astype(np.float32)
        images = np.pad(images, [*border, (0, 0)], mode="symmetric").transpose(0, 3, 1, 2)
        masked_images = (images.astype(np.float32) / 127.5 - 1) * (1 - holes)
        compiled = _keep_compiled(holes.shape)
        try:
            with nullcontext() if compiled else eagerly():
                return self.network(paddle.to_tensor(masked_images), paddle.to_tensor(holes))
        except MemoryBudgetError as error:
            raise ConfigError(f"attention_memory: {error}") from error


@contextmanager
def inpainting(network: nn.Layer) -> Iterator[Inpainter]:
    """An `Inpainter` of a network that is being trained; it goes on training afterwards."""
    yield Inpainter(network)
    network.train()


def _keep_compiled(shape: tuple[int, ...]) -> bool:
    """Whether images of this shape may leave behind what compiled convolutions keep of them."""
    pixels = sum(map(math.prod, _compiled_shapes | {shape}))
    if pixels <= COMPILED_PIXELS:
        _compiled_shapes.add(shape)
    return shape in _compiled_shapes


def to_uint8(images: Tensor) -> ndarray:
    """[B, 3, H, W] in [-1, 1] -> [B, H, W, 3] in 0..255, rounded."""
    images = (images.numpy().transpose(0, 2, 3, 1) + 1) * 127.5
    return np.rint(np.clip(images, 0, 255)).astype(np.uint8)


def check_pair(image: ndarray, mask: ndarray) -> None:
    """Raise ValueError unless they are uint8 [H, W, 3] and [H, W] of one size."""
    _check_array("image", image, "[H, W, 3], RGB", image.ndim == 3 and image.shape[2] == 3)
    _check_array("mask", mask, "[H, W], 255 = hole, 0 = known", mask.ndim == 2)
    if image.shape[:2] != mask.shape or image.size == 0:
        raise ValueError(
            "image and mask must have the same height and width, at least one pixel each; "
            f"got {list(image.shape[:2])} and {list(mask.shape)}"
        )


def _check_array(name: str, array: ndarray, expected: str, shape_fits: bool) -> None:
    if array.dtype != np.uint8 or not shape_fits:
        raise ValueError(f"{name} must be uint8 {expected}; got {array.dtype} {list(array.shape)}")
