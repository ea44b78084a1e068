# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""L1 terms inside and outside the hole, and the spatial discount.

Letters: B batch, C channels, H W image, h w local region. Images are in [-1, 1], masks 1 in the
hole.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import paddle
from paddle import Tensor

from ppdeepfill.data.batch import Batch
from ppdeepfill.data.depth import depth_inside
from ppdeepfill.networks import complete
from ppdeepfill.networks.kernels import Windows

Term = Callable[[Tensor, Batch], Tensor]  # (predicted [B, 3, H, W], batch) -> scalar


class HoleL1:
    """The L1 term of the hole, with its spatial discount.

    Args:
        local_size: (h, w) of the local region.
        gamma: of the discount, in (0, 1].
        distance, on: `discount_distance` and `hole_l1_on` of `WganGp`.
    """

    def __init__(
        self,
        local_size: tuple[int, int],
        *,
        gamma: float,
        distance: Literal["nearest_known", "box_edge"],
        on: Literal["raw", "completed"],
    ):
        self.gamma = gamma
        self.on = on
        in_box = distance == "box_edge"
        self.box_discount = _tensor(box_edge_discount(local_size, gamma)) if in_box else None

    def of(self, batch: Batch) -> Term:
        """Return the term for one batch, whose holes decide the discount."""
        if self.box_discount is not None:
            measure, discount = box_l1, self.box_discount
        else:
            # Distances are computed on the host, with one copy of the masks per generator update.
            weights = nearest_known_discount(batch.mask.numpy(), self.gamma)
            measure, discount = hole_l1, _tensor(weights)

        def term(predicted: Tensor, batch: Batch) -> Tensor:
            if self.on == "completed":
                predicted = complete(predicted, batch.image, batch.mask)
            return measure(predicted, batch, discount)

        return term


def crop(x: Tensor, bboxes: np.ndarray) -> Tensor:
    """Crop each sample's local region: [B, C, H, W] -> [B, C, h, w].

    Args:
        x: [B, C, H, W].
        bboxes: [B, 4] int (top, left, height, width), all of the same height and width.
    """
    corners = [(top, left) for top, left, *_ in bboxes.tolist()]
    return Windows(corners, tuple(bboxes[0, 2:].tolist())).of(x)


# d(i, j) = gamma^min(i, h - i, j, w - j)
def box_edge_discount(size: tuple[int, int], gamma: float) -> np.ndarray:
    """Return gamma ** (distance to the edge of the box): [1, 1, h, w].

    max(gamma ** min(i, h - i), gamma ** min(j, w - j)) with i, j from 0, so row 0 has weight 1
    and row h - 1 has weight gamma. The asymmetry is kept as published.

    Source: `spatial_discounting_mask` in the authors' code; the PyTorch port does the same.
    """
    rows, columns = (np.minimum(np.arange(n), n - np.arange(n)) for n in size)
    nearest = np.minimum(rows[:, None], columns[None, :])
    return (gamma**nearest)[None, None]


# d(p) = m(p) gamma^l(p), where l(p) is the distance from p to the nearest known pixel
def nearest_known_discount(mask: np.ndarray, gamma: float) -> np.ndarray:
    """Return gamma ** (Euclidean distance to the nearest known pixel) in the hole, 0 outside.

    Args:
        mask: [B, 1, H, W], 1 = hole.
        gamma: in (0, 1].

    Returns:
        [B, 1, H, W]; a hole pixel next to a known one has weight gamma.

    Source: section 3 of the paper, "spatially discounted reconstruction loss".
    """
    depths = np.stack([depth_inside(hole) for hole in mask[:, 0]])
    return gamma ** depths[:, None] * mask


# L = mean over B 3 h w of d |predicted - image|
def box_l1(predicted: Tensor, batch: Batch, discount: Tensor) -> Tensor:
    """Return the mean of discount * |predicted - image| over each sample's local region.

    Args:
        predicted: [B, 3, H, W].
        batch: image [B, 3, H, W] and bboxes [B, 4].
        discount: [1, 1, h, w], see `box_edge_discount`.
    """
    error = (crop(predicted, batch.bboxes) - crop(batch.image, batch.bboxes)).abs()
    return (error * discount).mean()


# L = mean over samples of: sum of d |predicted - image|, divided by 3 times the sum of m
def hole_l1(predicted: Tensor, batch: Batch, discount: Tensor) -> Tensor:
    """Return the mean of discount * |predicted - image| over each hole, then over the samples.

    Args:
        predicted: [B, 3, H, W].
        batch: image [B, 3, H, W] and mask [B, 1, H, W].
        discount: [B, 1, H, W], 0 outside the hole, see `nearest_known_discount`.
    """
    error = _mean_per_sample((predicted - batch.image).abs() * discount)
    return (error / _fraction(batch.mask)).mean()


# L = mean over B 3 H W of (1 - m) |predicted - image|
def known_l1_per_pixel(predicted: Tensor, batch: Batch) -> Tensor:
    """Return the mean over the whole image of |predicted - image|, taken as 0 in the hole.

    Source: the PyTorch port.
    """
    return ((predicted - batch.image).abs() * (1.0 - batch.mask)).mean()


# L = mean over samples of: sum of (1 - m) |predicted - image|, divided by 3 times the sum of 1 - m
def known_l1_per_known_pixel(predicted: Tensor, batch: Batch) -> Tensor:
    """Return the mean of |predicted - image| over each sample's known pixels, then over samples.

    Source: the authors' code, which divides the mean over the image by the known fraction of the
    one mask shared by the batch. Here each sample is divided by its own known fraction, so that
    the result is the same when a batch is split over processes.
    """
    known = 1.0 - batch.mask
    error = _mean_per_sample((predicted - batch.image).abs() * known)
    return (error / _fraction(known)).mean()


# TV = mean |x[i + 1, j] - x[i, j]| + mean |x[i, j + 1] - x[i, j]|
def total_variation(image: Tensor) -> Tensor:
    """Return the mean difference of vertical plus that of horizontal neighbours, [B, C, H, W]."""
    vertical = (image[:, :, 1:] - image[:, :, :-1]).abs()
    horizontal = (image[:, :, :, 1:] - image[:, :, :, :-1]).abs()
    return sum(_mean_per_sample(x).mean() for x in (vertical, horizontal))


def _fraction(region: Tensor) -> Tensor:
    """Return a region's share of its image, but at least one pixel: [B, 1, H, W] -> [B]."""
    smallest = 1.0 / (region.shape[2] * region.shape[3])
    return _mean_per_sample(region).clip(min=smallest)


def _mean_per_sample(x: Tensor) -> Tensor:
    """[B, C, H, W] -> [B], one axis at a time: Paddle's mean over several axes loses 1e-5."""
    return x.mean(axis=3).mean(axis=2).mean(axis=1)


def _tensor(x: np.ndarray) -> Tensor:
    """Convert a constant to the training's precision."""
    return paddle.to_tensor(x, dtype=paddle.get_default_dtype())
