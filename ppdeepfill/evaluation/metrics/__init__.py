# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""How far a completed image is from the truth, by every definition that the field prints.

`METRICS` is the table of those that score one image; LPIPS (`perceptual`) and FID (`fid`) need
weights and are imported from their files. Formulas and sources: docs/metrics.md.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

from numpy import ndarray

from ppdeepfill.evaluation.metrics.pixels import (
    l1,
    l2,
    psnr,
    relative_l1,
    relative_l2,
    ssim,
    total_variation,
)

__all__ = [
    "METRICS",
    "Metric",
    "l1",
    "l2",
    "measure",
    "psnr",
    "relative_l1",
    "relative_l2",
    "ssim",
    "total_variation",
]

Better = Literal["lower", "higher", "neither"]


class Metric(NamedTuple):
    """A score of one image.

    Attributes:
        function: (completed, image) -> score, with the region as third argument unless `whole`.
        region: which pixels count: whole, hole or known.
        better: which way is better; neither for total variation.
        meaning: definition and range in a line.
        literature: the published column that it equals; empty if there is none.
    """

    function: Callable[..., float]
    region: Literal["whole", "hole", "known"]
    better: Better
    meaning: str
    literature: str = ""


# Marks what the paper's Table 1 may print: it does not define its columns.
PAPER = "paper?"

METRICS: dict[str, Metric] = {
    "hole_l1": Metric(
        l1, "hole", "lower", "mean |x-y| in 0..1, hole", "times 100: mmagic's MAE (L1 %)"
    ),
    "known_l1": Metric(l1, "known", "lower", "mean |x-y| in 0..1, known region"),
    "l1": Metric(
        l1, "whole", "lower", "mean |x-y| in 0..1, whole image", "times 2: Paddle-GI's L1; " + PAPER
    ),
    "hole_l2": Metric(l2, "hole", "lower", "mean (x-y)^2 in 0..1, hole"),
    "known_l2": Metric(l2, "known", "lower", "mean (x-y)^2 in 0..1, known region"),
    "l2": Metric(
        l2, "whole", "lower", "mean (x-y)^2 in 0..1, whole image", "times 4: Paddle-GI's L2"
    ),
    "relative_l1": Metric(
        relative_l1, "whole", "lower", "sum |x-y| / sum |y|, whole image", "times 100: " + PAPER
    ),
    "relative_l2": Metric(
        relative_l2, "whole", "lower", "sum (x-y)^2 / sum y^2, whole image", "times 100: " + PAPER
    ),
    "hole_relative_l1": Metric(
        relative_l1, "hole", "lower", "sum |x-y| / sum |y|, hole", "times 100: " + PAPER
    ),
    "hole_relative_l2": Metric(
        relative_l2, "hole", "lower", "sum (x-y)^2 / sum y^2, hole", "times 100: " + PAPER
    ),
    "psnr": Metric(
        psnr,
        "whole",
        "higher",
        "dB, whole image",
        "mmagic's, PaddleGAN's and, but for rounding to 8 bit, Paddle-GI's; " + PAPER,
    ),
    "hole_psnr": Metric(psnr, "hole", "higher", "dB, hole"),
    "ssim": Metric(
        ssim,
        "whole",
        "higher",
        "-1..1, whole image, Gaussian 11 x 11, sigma 1.5",
        "mmagic's and PaddleGAN's SSIM",
    ),
    "total_variation": Metric(
        lambda completed, image: total_variation(completed),
        "whole",
        "neither",
        "mean |dx| + mean |dy| in 0..2, whole image",
        "times 100: " + PAPER,
    ),
}


def measure(completed: ndarray, image: ndarray, mask: ndarray) -> dict[str, float]:
    """Every score of `METRICS` for one image.

    Args:
        completed: uint8 [H, W, 3] RGB.
        image: the truth, of the same type and shape.
        mask: uint8 [H, W], 1 = hole.
    """
    regions = {"whole": (), "hole": (mask > 0,), "known": (mask == 0,)}
    return {
        name: metric.function(completed, image, *regions[metric.region])
        for name, metric in METRICS.items()
    }
