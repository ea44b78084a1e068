# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Attention in strips gives the numbers of the paper's form, there and back, in less memory."""

import numpy as np
import paddle
import pytest
import reference

from ppdeepfill.networks import ContextualAttention
from ppdeepfill.networks.attention.contextual import contextual_attention
from ppdeepfill.networks.kernels import attention_in_strips as strips

CASES = {
    "paper": ((16, 12), (16, 12), {}),
    "port": ((16, 12), (16, 12), {"reference": "torch", "softmax_scale": 3.0}),
    "two maps": ((20, 8), (12, 18), {}),
    "without propagation": ((12, 8), (12, 8), {"propagation_size": 1}),
    "far propagation": ((20, 8), (16, 12), {"propagation_size": 7, "softmax_scale": 2.0}),
    "every other patch": ((16, 12), (16, 12), {"stride": 2}),
    "full size": ((8, 6), (8, 6), {"rate": 1}),
}


@pytest.fixture
def always(monkeypatch):
    monkeypatch.setattr(strips, "WHOLE_BYTES", 0)
    monkeypatch.setattr(strips, "FEWEST_ROWS", 1)


@pytest.fixture(params=[1, 3])
def rows(request, monkeypatch, always):
    monkeypatch.setattr(strips, "rows_of_strips", lambda *_: request.param)


def tensors(rng, case, masks=2):
    foreground_size, background_size, options = CASES[case]
    foreground = paddle.to_tensor(rng.standard_normal([2, 3, *foreground_size]))
    background = paddle.to_tensor(rng.standard_normal([2, 3, *background_size]))
    foreground.stop_gradient = background.stop_gradient = False
    mask = paddle.to_tensor((rng.random([max(masks, 1), 1, *background_size]) < 0.03) * 1.0)
    return foreground, background, mask if masks else None, options


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("masks", [0, 2], ids=["no mask", "own masks"])
def test_results_and_gradients_equal_those_of_the_paper(case, masks, rows, rng):
    """In float64, where rounding hides nothing: a wrong neighbour anywhere would show."""
    foreground, background, mask, options = tensors(rng, case, masks)
    expected = contextual_attention(foreground, background, mask, **options)
    ours = ContextualAttention(**options)(foreground, background, mask)[:2]
    directions = [paddle.to_tensor(rng.standard_normal(x.shape)) for x in expected]
    gradients = [
        paddle.grad(list(results), [foreground, background], directions)
        for results in (ours, expected)
    ]
    for own, theirs in zip([*ours, *gradients[0]], [*expected, *gradients[1]], strict=True):
        assert reference.relative_error(own, theirs.numpy()) < 1e-11


@pytest.mark.parametrize("used", [0, 1], ids=["features", "weights"])
def test_either_result_may_go_unused(used, rows, rng):
    foreground, background, mask, options = tensors(rng, "paper")
    ours, expected = (
        paddle.grad(
            (attention(foreground, background, mask)[used] ** 2).sum(), [foreground, background]
        )
        for attention in (ContextualAttention(**options), contextual_attention)
    )
    for own, theirs in zip(ours, expected, strict=True):
        assert reference.relative_error(own, theirs.numpy()) < 1e-11


def test_without_gradients_nothing_is_kept_for_them(rows, rng):
    foreground, background, mask, options = tensors(rng, "paper")
    expected = contextual_attention(foreground, background, mask)
    with paddle.no_grad():
        ours = ContextualAttention(**options)(foreground, background, mask)
    assert ours.features.stop_gradient and ours.weights.stop_gradient
    assert reference.relative_error(ours.weights, expected[1].numpy()) < 1e-11


def test_large_maps_are_cut_into_strips_of_bounded_size():
    layer = ContextualAttention()
    small, large = paddle.zeros([1, 1, 64, 64]), paddle.zeros([1, 1, 128, 128])
    assert not strips.strips_are_faster(small, small, layer.options)
    assert strips.strips_are_faster(large, large, layer.options)
    _, geometry = strips.prepared(large, large, None, **layer.options)
    rows = strips.rows_of_strips(1, geometry)
    assert strips.FEWEST_ROWS <= rows < 64
    assert 4 * (rows + 4) * 64 * 64 * 64 <= strips.STRIP_BYTES
    assert np.ptp([end - first for first, end in strips._strips(1, geometry)[:-1]]) == 0
