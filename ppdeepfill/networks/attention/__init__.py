# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Attentions: layers (foreground, background, mask) -> `Attended`.

A new one is a file here, and a builder in `ppdeepfill.networks`. An attention whose features must
have sides of a certain multiple says so by an attribute `size_multiple`.

Letters: B batch, C channels, Hf Wf foreground features, hf wf the positions that the attention
compares, L background patches.
"""

from typing import NamedTuple

from paddle import Tensor


class Attended(NamedTuple):
    """What an attention makes of features, and where it looked.

    Attributes:
        features: [B, C, Hf, Wf].
        weights: [B, L, hf, wf] of each background patch; None where the attention has none, or
            does not keep them.
        offsets: [B, 2, hf, wf] int64 way to the patch with the largest weight; needed only where
            the weights are not kept.
    """

    features: Tensor
    weights: Tensor | None = None
    offsets: Tensor | None = None
