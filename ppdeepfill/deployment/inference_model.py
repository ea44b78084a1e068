# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What is exported: a network with its padding, from pixels to pixels.

Letters: B batch, H W image.
"""

import paddle
from paddle import Tensor, nn

from ppdeepfill.data.pixels import HALF_RANGE
from ppdeepfill.networks import complete, predict_in_hole, size_multiple_of


class InferenceModel(nn.Layer):
    """Everything that is deployed, from pixels to pixels, as one graph.

    Args:
        network: a network built by `build_network`; it is switched to evaluation mode.
        whole: compute the whole prediction, rather than only what the holes need.
    """

    def __init__(self, network: nn.Layer, *, whole: bool = False):
        super().__init__()
        self.network = network
        self.whole = whole
        self.multiple = size_multiple_of(network)
        self.eval()

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """Fill the holes.

        Args:
            image: float32 [B, 3, H, W] RGB in 0..255; any size, padded inside by mirroring.
            mask: float32 [B, 1, H, W], above 0.5 = hole.

        Returns:
            float32 [B, 3, H, W] in 0..255, not rounded; equal to `image` outside the hole.
        """
        height, width = image.shape[2], image.shape[3]
        mask = (mask > 0.5).astype(image.dtype)
        padded_image, padded_mask = (
            _padded(_padded(x, 2, self.multiple), 3, self.multiple) for x in (image, mask)
        )
        masked_image = (padded_image / HALF_RANGE - 1.0) * (1.0 - padded_mask)
        if self.whole:
            prediction = self.network(masked_image, padded_mask)
        else:
            prediction = predict_in_hole(self.network, masked_image, padded_mask)
        refined = prediction.refined[:, :, :height, :width]
        return complete(((refined + 1.0) * HALF_RANGE).clip(0.0, 255.0), image, mask)


def _padded(x: Tensor, axis: int, multiple: int) -> Tensor:
    """Mirror the end of an axis so that its size is a multiple of a number."""
    size = x.shape[axis]
    if isinstance(size, int) and size % multiple == 0:
        return x
    return x.index_select(_mirrored_positions(size, multiple), axis=axis)


def _mirrored_positions(size: int, multiple: int) -> Tensor:
    """The source of each position of the padded axis: [size rounded up to a multiple].

    Like NumPy's "symmetric" padding, repeated often enough even for an axis of one position.
    """
    forth = paddle.arange(size)
    back = forth[-1:] - forth  # Paddle can export neither flip nor a number minus a tensor
    padded_size = (size + multiple - 1) // multiple * multiple
    return paddle.concat([forth, back]).tile([(multiple + 1) // 2])[:padded_size]
