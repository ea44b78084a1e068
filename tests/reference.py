# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Cases that several kernels share, and how tests measure distances from the reference arrays."""

import numpy as np
import paddle

# Attentions that every kernel must compute: sizes of foreground and background, options.
ATTENTION_CASES = {
    "self": ((10, 14), (10, 14), {}),
    "two sizes": ((8, 12), (10, 4), {}),
    "one row": ((2, 10), (2, 10), {}),
    "one column": ((10, 2), (6, 4), {}),
    "rate 1": ((5, 4), (4, 6), {"rate": 1}),
    "stride 2": ((9, 12), (12, 18), {"rate": 3, "stride": 2}),
    "patch size 5": ((8, 10), (8, 12), {"stride": 2, "propagation_size": 5, "patch_size": 5}),
    "no propagation": ((6, 10), (10, 6), {"propagation_size": 1}),
    "single positions": ((2, 6), (4, 2), {"propagation_size": 5, "patch_size": 1}),
}


def relative_error(ours, theirs: np.ndarray) -> float:
    """max |ours - theirs| / max |theirs|."""
    ours = ours.numpy() if isinstance(ours, paddle.Tensor) else np.asarray(ours)
    return float(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-12))
