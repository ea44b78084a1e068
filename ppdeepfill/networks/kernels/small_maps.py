# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Convolution of one small map with many filters, as a product of the filters and the unfolded map.

For each call, oneDNN rearranges the filters of a convolution, which takes as long as multiplying if
the map has few positions. A product reads the filters as they are.

Letters: B batch, C channels, H W feature map, H' W' result, k filter size.
"""

import paddle
import paddle.nn.functional as F
from paddle import Tensor

from ppdeepfill.networks.kernels.compiled_graphs import Convolution
from ppdeepfill.networks.kernels.product import product
from ppdeepfill.networks.kernels.step import Step

FILTERS_PER_POSITION = 4  # with 2 and 1024 channels, both take as long


def product_suits(x: Tensor, step: Step) -> bool:
    """Whether the product is faster, for a step that `compiles`.

    Only for one image, because several share the rearranged filters; and only without gradients,
    which would keep the unfolded map.

    Args:
        x: [B, C, H, W].
        step: does not double the size.
    """
    positions = x.shape[2] * x.shape[3] // step.geometry["stride"] ** 2
    return (
        x.shape[0] == 1
        and not paddle.is_grad_enabled()
        and step.weight.shape[0] >= FILTERS_PER_POSITION * positions
    )


def convolve_as_product(x: Tensor, step: Step) -> Tensor:
    """The linear part of a step: [1, C, H, W] -> [1, out, H', W'].

    Args:
        x: [1, C, H, W].
        step: does not double the size; its bias and activation are ignored.
    """
    kind = Convolution.of(step.weight, step.geometry)
    out, _, size, _ = kind.weight_shape
    top, bottom, left, right = kind.padding
    # [1, C k k, H' W']; `F.unfold` orders paddings as top, left, bottom, right.
    neighbours = F.unfold(x, size, kind.stride, [top, left, bottom, right], kind.dilation)
    result = product(step.weight.reshape([1, out, -1]), neighbours)
    return result.reshape([1, out, *kind.result_size(*x.shape[2:])])
