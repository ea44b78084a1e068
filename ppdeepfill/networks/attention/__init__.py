# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Attentions: layers (foreground, background, mask) -> `Attended`.

To add one, write a file here and a builder in `ppdeepfill.networks`. An attention that accepts only
feature maps whose sides are multiples of some number has an attribute `size_multiple`.

Letters: B batch, C channels, Hf Wf foreground features, hf wf the positions that the attention
compares, L background patches.
"""

from typing import NamedTuple

from paddle import Tensor


class Attended(NamedTuple):
    """The output of an attention, and where it looked.

    Attributes:
        features: [B, C, Hf, Wf].
        weights: [B, L, hf, wf] weight of each background patch; None if the attention has no
            weights or does not keep them.
        offsets: [B, 2, hf, wf] int64 offset (dy, dx) to the patch with the largest weight; needed
            only if the weights are not kept.
    """

    features: Tensor
    weights: Tensor | None = None
    offsets: Tensor | None = None
