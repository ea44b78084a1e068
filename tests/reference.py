# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""How the tests measure distances from the reference arrays."""

import numpy as np
import paddle


def relative_error(ours, theirs: np.ndarray) -> float:
    """max |ours - theirs| / max |theirs|."""
    ours = ours.numpy() if isinstance(ours, paddle.Tensor) else np.asarray(ours)
    return float(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-12))
