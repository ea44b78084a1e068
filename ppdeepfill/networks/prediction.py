# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What every network returns, and how a prediction becomes a completed image.

Letters: B batch, H W image, h w attention map, L background patches.
"""

from typing import NamedTuple

from paddle import Tensor


class Prediction(NamedTuple):
    """The raw outputs of a network.

    Attributes:
        refined: [B, 3, H, W] output of the last stage in [-1, 1].
        coarse: [B, 3, H, W] output of the first stage; None for networks of one stage.
        attention: [B, L, h, w] weight of each background patch; None without attention.
    """

    refined: Tensor
    coarse: Tensor | None = None
    attention: Tensor | None = None


def complete(predicted: Tensor, image: Tensor, mask: Tensor) -> Tensor:
    """Return the prediction inside the hole and the image outside it.

    Args:
        predicted: [B, 3, H, W].
        image: [B, 3, H, W]; what it holds inside the hole does not matter unless it is not finite.
        mask: [B, 1, H, W], 1 = hole.

    Returns:
        [B, 3, H, W], outside the hole equal to `image`.
    """
    return predicted * mask + image * (1.0 - mask)
