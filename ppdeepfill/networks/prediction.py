# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What every network returns, and how a prediction becomes a completed image.

Letters: B batch, H W image, h w attention map, L background patches.
"""

from typing import NamedTuple

from paddle import Tensor, nn

from ppdeepfill.networks.attention.contextual import attention_to_offsets


class Prediction(NamedTuple):
    """The raw outputs of a network.

    Attributes:
        refined: [B, 3, H, W] output of the last stage in [-1, 1]. Networks that end in a plain
            convolution may leave this range; what makes pictures of it clips.
        coarse: [B, 3, H, W] output of the first stage; None for networks of one stage.
        attention: [B, L, h, w] weight of each background patch; None without attention, and where
            it did not keep them.
        offsets: [B, 2, h, w] int64 way to the patch with the largest weight, where `attention` is
            not kept. `offsets_of` gives them either way.
    """

    refined: Tensor
    coarse: Tensor | None = None
    attention: Tensor | None = None
    offsets: Tensor | None = None


def offsets_of(prediction: Prediction) -> Tensor | None:
    """Way [B, 2, h, w] from each position to its best patch; None without attention.

    For the attention of an image to itself, which has as many patches as positions.
    """
    if prediction.attention is None:
        return prediction.offsets
    return attention_to_offsets(prediction.attention, prediction.attention.shape[2:])


# completed = predicted where mask is 1, image where it is 0
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


def refined_in_hole(network: nn.Layer, masked_image: Tensor, mask: Tensor) -> Tensor:
    """`refined` [B, 3, H, W] of the prediction, of which only the hole counts.

    A network that has a method of this name can leave out what the hole does not need.
    """
    if hasattr(network, "refined_in_hole"):
        return network.refined_in_hole(masked_image, mask)
    return network(masked_image, mask).refined


def size_multiple_of(network: nn.Layer) -> int:
    """What the sides of a network's images must be multiples of; 1: any size."""
    return getattr(network, "size_multiple", 1)


def check_input(masked_image: Tensor, mask: Tensor, multiple: int) -> None:
    """Raise ValueError unless the shapes are what a network takes.

    Args:
        masked_image: should be [B, 3, H, W].
        mask: should be [B, 1, H, W].
        multiple: what H and W must be multiples of.
    """
    image_shape, mask_shape = list(masked_image.shape), list(mask.shape)
    if image_shape[1] != 3 or mask_shape[1] != 1 or image_shape[2:] != mask_shape[2:]:
        raise ValueError(
            "the network takes masked_image [B, 3, H, W] and mask [B, 1, H, W] of one size; "
            f"got {image_shape} and {mask_shape}"
        )
    if any(size % multiple for size in image_shape[2:]):
        raise ValueError(f"height and width must be multiples of {multiple}; got {image_shape[2:]}")
