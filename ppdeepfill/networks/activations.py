# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Activations and their derivatives."""

from collections.abc import Callable

import paddle
import paddle.nn.functional as F
from paddle import Tensor

Activation = Callable[[Tensor], Tensor]


# y = x where x > 0, else 0.2 x
def leaky_relu(x: Tensor) -> Tensor:
    """Activation of the critics."""
    return F.leaky_relu(x, negative_slope=0.2)


# y = x where x > 0, else slope x
def exportable_leaky_relu(x: Tensor, slope: float) -> Tensor:
    """Leaky ReLU written out, because paddle2onnx 2.1 drops the slope of the operator.

    Args:
        x: any shape.
        slope: from 0 to 1.
    """
    return paddle.maximum(x, slope * x)


# y = min(max(x, -1), 1): no value leaves the range of images
def clip_to_image(x: Tensor) -> Tensor:
    """Clip to the range of images, [-1, 1]: the last activation of both stages."""
    return x.clip(-1.0, 1.0)


# dy / dx as a function of y, so that there is no need to keep x.
SLOPES: dict[Activation, Activation] = {
    F.elu: lambda y: y.clip(max=0.0) + 1.0,
    F.relu: lambda y: (y > 0.0).astype(y.dtype),
    leaky_relu: lambda y: (y > 0.0).astype(y.dtype) * 0.8 + 0.2,
    clip_to_image: lambda y: (y.abs() < 1.0).astype(y.dtype),
}
