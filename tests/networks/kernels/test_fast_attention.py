# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The fast form of contextual attention equals that of the paper, there and back."""

import numpy as np
import paddle
import pytest
import reference

from ppdeepfill.networks import ContextualAttention
from ppdeepfill.networks.attention.contextual import contextual_attention

CASES = {
    **reference.ATTENTION_CASES,
    "port": ((12, 8), (12, 8), {"reference": "torch", "softmax_scale": 3.0}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("masks", [0, 1, 2], ids=["no mask", "shared mask", "own masks"])
def test_results_and_gradients_equal_those_of_the_paper(case, masks, rng):
    """In float64, where rounding hides nothing: a wrong neighbour anywhere would show."""
    foreground_size, background_size, options = CASES[case]
    foreground = paddle.to_tensor(rng.standard_normal([2, 3, *foreground_size]))
    background = paddle.to_tensor(rng.standard_normal([2, 3, *background_size]))
    foreground.stop_gradient = background.stop_gradient = False
    mask = paddle.to_tensor((rng.random([max(masks, 1), 1, *background_size]) < 0.03) * 1.0)
    mask = mask.astype("float64") if masks else None
    expected = contextual_attention(foreground, background, mask, **options)
    ours = ContextualAttention(**options)(foreground, background, mask)
    assert ours.offsets is None
    directions = [paddle.to_tensor(rng.standard_normal(x.shape)) for x in expected]
    gradients = [
        paddle.grad(list(results), [foreground, background], directions)
        for results in (ours[:2], expected)
    ]
    for own, theirs in zip([*ours[:2], *gradients[0]], [*expected, *gradients[1]], strict=True):
        assert reference.relative_error(own, theirs.numpy()) < 1e-11


def test_in_float32_it_is_as_precise_as_that_of_the_paper(rng):
    features = rng.standard_normal([1, 16, 32, 24])
    mask = np.zeros([1, 1, 32, 24])
    mask[:, :, 8:20, 8:20] = 1.0
    tensors = [
        [paddle.to_tensor(x, dtype) for x in (features, features, mask)]
        for dtype in ("float64", "float32")
    ]
    exact = contextual_attention(*tensors[0])[0].numpy()
    plain, fast = contextual_attention(*tensors[1])[0], ContextualAttention()(*tensors[1])[0]
    error = reference.relative_error(plain, exact)
    assert reference.relative_error(fast, exact) < 2 * error + 1e-6
