# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Feature maps times a map with one channel, such as a mask.

Letters: B batch, C channels, H W feature map.
"""

from paddle import Tensor

from ppdeepfill.networks.kernels.tracing import computes_now


def scale_positions(x: Tensor, factor: Tensor) -> Tensor:
    """x times factor: [B, C, H, W].

    On a CPU, Paddle's product of two tensors of one shape takes a tenth of the time of a product
    that repeats one over the channels, so the factor is repeated first.

    Args:
        x: [B, C, H, W].
        factor: of each position [B, 1, H, W], or of each value [B, C, H, W].
    """
    if computes_now() and x.place.is_cpu_place() and factor.shape != x.shape:
        factor = factor.expand_as(x)
    return x * factor
