# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Set up our network, objective and batches as in the reference runs.

Letters: B batch, H W image, h w feature map, L background patches.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import paddle
from numpy import ndarray
from paddle import Tensor, nn

from ppdeepfill.alignment import recipes
from ppdeepfill.data.batch import Batch
from ppdeepfill.data.pixels import is_hole, to_unit_range
from ppdeepfill.networks import Attended, Prediction, build_network
from ppdeepfill.objectives import WganGp, build_objective
from ppdeepfill.objectives.gradient_penalty import Mix
from ppdeepfill.weights.generator_file import load_weights

RECIPE = "the recipe of the reference run"  # in messages about weights
AUTHORS = {"discount": 0.9, "discount_distance": "box_edge"}
PORT = {
    "discount": 0.9,
    "discount_distance": "box_edge",
    "hole_l1_on": "completed",
    "known_l1": "per_pixel",
    "penalty_region": "image",
    "critics": "deepfill_v1_torch",
}


@contextmanager
def precision(dtype: str) -> Iterator[None]:
    """Build layers and tensors in this dtype within the context."""
    before = paddle.get_default_dtype()
    paddle.set_default_dtype(dtype)
    try:
        yield
    finally:
        paddle.set_default_dtype(before)


def authors_network(factor: float = 1.0) -> nn.Layer:
    """Return the generator of the authors' run; `factor` scales its filters."""
    network = build_network("deepfill_v1")
    weights = recipes.tensorflow_generator_weights(network, factor)
    load_weights(network, weights, source=RECIPE)
    return network


def port_network(gain: float = 1.15) -> nn.Layer:
    """Return the generator of the port's run; `gain` scales its filters."""
    network = build_network("deepfill_v1_torch")
    load_weights(network, recipes.torch_generator_weights(network, gain), source=RECIPE)
    return network


def authors_objective(**options) -> WganGp:
    """Return the objective of the authors' run at 256 x 256; options override `AUTHORS`."""
    sizes = {"image_size": (256, 256), "local_size": (128, 128)}
    objective = build_objective(
        "wgan_gp", authors_network(), seed=0, **sizes, **(AUTHORS | options)
    )
    if objective.adversarial:
        weights = recipes.tensorflow_critics_weights(objective.critics)
        load_weights(objective.critics, weights, source=RECIPE)
    return objective


def port_objective(image_size: int, local_size: int) -> WganGp:
    """Return the objective of the port's run."""
    network = port_network()
    network.refinement.attention = _FirstMask(network.refinement.attention)
    sizes = {"image_size": (image_size,) * 2, "local_size": (local_size,) * 2}
    objective = build_objective("wgan_gp", network, seed=0, **sizes, **PORT)
    weights = recipes.torch_critics_weights(objective.critics)
    load_weights(objective.critics, weights, source=RECIPE)
    return objective


def predict(network: nn.Layer, image: ndarray, mask: ndarray) -> Prediction:
    """Return the prediction for an image [B, 3, H, W] in [-1, 1] and a mask [B, 1, H, W]."""
    with paddle.no_grad():
        return network(tensor(image * (1.0 - mask)), tensor(mask))


def make_batch(image: ndarray, mask: ndarray, bboxes: ndarray) -> Batch:
    """Return a batch in the default dtype; bboxes are [B, 4] (top, left, height, width)."""
    return Batch(tensor(image), tensor(mask), np.asarray(bboxes), np.arange(len(image)))


def authors_images(images: ndarray) -> ndarray:
    """uint8 [B, H, W, 3] BGR -> float32 [B, 3, H, W] RGB in [-1, 1]."""
    return to_unit_range(recipes.rgb_nchw(images))


def authors_photo(image: ndarray, mask: ndarray) -> tuple[ndarray, ndarray]:
    """Prepare image and mask as the authors' test program: multiples of 8, above 127 = hole.

    uint8 [B, H, W, 3] BGR and [H, W] -> [B, 3, H', W'] in [-1, 1] and [B, 1, H', W'].
    """
    height, width = (size // 8 * 8 for size in mask.shape)
    hole = is_hole(mask[:height, :width]).astype(np.float32)
    masks = np.broadcast_to(hole, (len(image), 1, height, width)).copy()
    return authors_images(image[:, :height, :width]), masks


def authors_batch(images: ndarray, arrays: Mapping[str, ndarray]) -> Batch:
    """Return the authors' batch, whose images share one hole.

    Args:
        images: uint8 [B, H, W, 3] BGR.
        arrays: bbox_tlhw, and shrink_hw, the width of the known border inside the box.
    """
    top, left, height, width = arrays["bbox_tlhw"].tolist()
    down, right = arrays["shrink_hw"].tolist()
    edges = (top + down, top + height - down, left + right, left + width - right)
    mask = recipes.rectangles(images.shape[1:3], [edges] * len(images))
    return make_batch(
        authors_images(images), mask, np.array([(top, left, height, width)] * len(images))
    )


def fix_mix(objective: WganGp, whole: ndarray, local: ndarray) -> None:
    """Make an objective use these interpolation weights [B], 0 = real."""
    mix = Mix(*(tensor(weights.reshape(-1, 1, 1, 1)) for weights in (whole, local)))
    objective.draw_mix = lambda sample_numbers: mix


def train_only(objective: WganGp, phase: str) -> None:
    """Let only the parameters of one phase's module receive gradients."""
    for candidate in objective.phases():
        for parameter in candidate.trains.parameters():
            parameter.stop_gradient = candidate.name != phase


def tensor(x: ndarray) -> Tensor:
    """Convert an array to a tensor of the default dtype."""
    return paddle.to_tensor(x, dtype=paddle.get_default_dtype())


class _FirstMask(nn.Layer):
    """Attention that uses the first sample's mask for the whole batch, as the port does."""

    def __init__(self, attention: nn.Layer):
        super().__init__()
        self.attention = attention

    def forward(self, foreground: Tensor, background: Tensor, mask: Tensor) -> Attended:
        return self.attention(foreground, background, mask[:1])
