# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Training objectives: all terms, weights and gradient decisions of a method in one place.

An objective is a class that implements `Objective`, with an entry in `OBJECTIVES`.
"""

from collections.abc import Callable

from paddle import nn

from ppdeepfill.objectives.contract import Objective, Phase
from ppdeepfill.objectives.glcic import Glcic
from ppdeepfill.objectives.perceptual import Perceptual
from ppdeepfill.objectives.semantic_guidance import SemanticGuidanceObjective
from ppdeepfill.objectives.shift_net import ShiftNetObjective
from ppdeepfill.objectives.wgan_gp import WganGp

__all__ = [
    "OBJECTIVES",
    "Glcic",
    "Objective",
    "Perceptual",
    "Phase",
    "SemanticGuidanceObjective",
    "ShiftNetObjective",
    "WganGp",
    "build_objective",
]

OBJECTIVES: dict[str, Callable[..., Objective]] = {
    "wgan_gp": WganGp,
    "glcic": Glcic,
    "shift_net": ShiftNetObjective,
    "semantic_guidance": SemanticGuidanceObjective,
    "perceptual": Perceptual,
}


def build_objective(
    name: str,
    network: nn.Layer,
    *,
    image_size: tuple[int, int],
    local_size: tuple[int, int],
    seed: int,
    **options,
) -> Objective:
    """Build the objective that trains a network.

    Args:
        name: a key of `OBJECTIVES`.
        network: (masked_image, mask) -> `Prediction`.
        image_size: (H, W) of the training images.
        local_size: (h, w) of the local region around the hole.
        seed: seed of the objective's own random numbers.
        **options: keyword arguments of the objective's class.

    Raises:
        ValueError: the name is unknown; the message lists the known ones.
    """
    if name not in OBJECTIVES:
        raise ValueError(f"unknown objective {name!r}; known objectives: {', '.join(OBJECTIVES)}")
    return OBJECTIVES[name](
        network, image_size=image_size, local_size=local_size, seed=seed, **options
    )
