# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The output of every network, and how it becomes a completed image.

Letters: B batch, H W image, h w attention map, L background patches.
"""

from typing import NamedTuple

from paddle import Tensor, nn

from ppdeepfill.networks.attention.contextual import attention_to_offsets


class Prediction(NamedTuple):
    """The raw outputs of a network.

    Attributes:
        refined: [B, 3, H, W] output of the last stage in [-1, 1]; networks that end in a plain
            convolution may leave this range, so clip before making pictures of it.
        coarse: [B, 3, H, W] output of the first stage; None if the network has one stage.
        attention: [B, L, h, w] weight of each background patch; None if the network has no
            attention, or its attention did not keep them.
        offsets: [B, 2, h, w] int64 offset (dy, dx) to the patch with the largest weight, set if
            `attention` was not kept. `offsets_of` returns it in both cases.
    """

    refined: Tensor
    coarse: Tensor | None = None
    attention: Tensor | None = None
    offsets: Tensor | None = None


def offsets_of(prediction: Prediction) -> Tensor | None:
    """Return the offset [B, 2, h, w] from each position to its best patch; None without attention.

    Works for attention of an image to itself, which has as many patches as positions.
    """
    if prediction.attention is None:
        return prediction.offsets
    return attention_to_offsets(prediction.attention, prediction.attention.shape[2:])


# completed = predicted where mask is 1, image where it is 0
def complete(predicted: Tensor, image: Tensor, mask: Tensor) -> Tensor:
    """Return the prediction inside the hole and the image outside it.

    Args:
        predicted: [B, 3, H, W].
        image: [B, 3, H, W]; its content inside the hole does not matter, but must be finite.
        mask: [B, 1, H, W], 1 = hole.

    Returns:
        [B, 3, H, W], equal to `image` outside the hole.
    """
    return predicted * mask + image * (1.0 - mask)


def predict_in_hole(
    network: nn.Layer, masked_image: Tensor, mask: Tensor, *labels: Tensor
) -> Prediction:
    """Return a network's prediction, of which only the part inside the hole is valid.

    A network that has a method of this name can skip the work that the hole does not need. Networks
    that have `classes` also take labels [B, H, W].
    """
    if hasattr(network, "predict_in_hole"):
        return network.predict_in_hole(masked_image, mask, *labels)
    return network(masked_image, mask, *labels)


def size_multiple_of(network: nn.Layer) -> int:
    """Return the number that image sides must be multiples of; 1 if the network takes any size."""
    return getattr(network, "size_multiple", 1)


def classes_of(network: nn.Layer) -> int | None:
    """Return the number of classes in the label maps of a network; None if it takes none."""
    return getattr(network, "classes", None)


def check_input(masked_image: Tensor, mask: Tensor, multiple: int) -> None:
    """Raise ValueError unless a network can take these shapes.

    Args:
        masked_image: should be [B, 3, H, W].
        mask: should be [B, 1, H, W].
        multiple: H and W must be multiples of it.
    """
    image_shape, mask_shape = list(masked_image.shape), list(mask.shape)
    if image_shape[1] != 3 or mask_shape[1] != 1 or image_shape[2:] != mask_shape[2:]:
        raise ValueError(
            "the network takes masked_image [B, 3, H, W] and mask [B, 1, H, W] of the same size; "
            f"got {image_shape} and {mask_shape}"
        )
    if any(size % multiple for size in image_shape[2:]):
        raise ValueError(f"height and width must be multiples of {multiple}; got {image_shape[2:]}")
