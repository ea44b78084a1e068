# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What is computed around the holes only equals the whole there."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from ppdeepfill.networks import (
    NETWORKS,
    ContextualAttention,
    build_network,
    offsets_of,
    predict_in_hole,
)
from ppdeepfill.networks.deepfill_v1 import FEATURES_REACH
from ppdeepfill.networks.kernels import attention_around_holes, attention_memory_limit
from ppdeepfill.networks.kernels.windows import Windows, windows_around_holes

HEIGHT, WIDTH = 128, 192

# name: (top, left, bottom, right) of the hole of each image
HOLES = {
    "inside": [(40, 64, 72, 100)],
    "in corners": [(0, 0, 24, 24), (104, 168, 128, 192)],
    "at borders": [(50, 0, 60, 8), (0, 90, 31, 97), (127, 191, 128, 192)],
    "of several sizes": [(40, 64, 90, 120), (70, 3, 71, 4)],
    "nowhere": [(0, 0, 0, 0)],
    "one of two": [(0, 0, 0, 0), (60, 60, 80, 90)],
    "everywhere": [(0, 0, 128, 192)],
}


def masks(holes: list[tuple[int, int, int, int]]) -> paddle.Tensor:
    mask = np.zeros((len(holes), 1, HEIGHT, WIDTH), np.float32)
    for sample, (top, left, bottom, right) in zip(mask, holes, strict=True):
        sample[:, top:bottom, left:right] = 1.0
    return paddle.to_tensor(mask)


LEAVING_OUT = [
    name
    for name, builder in NETWORKS.items()
    if hasattr(builder(base_channels=4), "predict_in_hole")
]


@pytest.mark.parametrize("name", LEAVING_OUT)
@pytest.mark.parametrize("holes", list(HOLES))
def test_a_prediction_in_the_hole_equals_the_whole_one_there(name, holes, rng):
    mask = masks(HOLES[holes])
    network = build_network(name, base_channels=4)
    image = paddle.to_tensor(rng.uniform(-1, 1, (*mask.shape[:1], 3, HEIGHT, WIDTH)), "float32")
    with paddle.no_grad():
        expected = network(image * (1.0 - mask), mask)
        ours = predict_in_hole(network, image * (1.0 - mask), mask)
    for stage in ("coarse", "refined"):
        assert getattr(ours, stage).shape == getattr(expected, stage).shape
        difference = (getattr(ours, stage) - getattr(expected, stage)) * mask
        assert float(difference.abs().max()) < 1e-6
    np.testing.assert_allclose(ours.attention.numpy(), expected.attention.numpy(), atol=1e-5)


@pytest.mark.parametrize("name", [n for n in LEAVING_OUT if n.startswith("deepfill_v1")])
@pytest.mark.parametrize("corner", [(160, 216), (0, 400)], ids=["inside", "in a corner"])
def test_far_from_holes_the_features_are_left_out(name, corner, rng, monkeypatch):
    height, width = 352, 424
    mask = paddle.zeros([1, 1, height, width])
    mask[:, :, corner[0] : corner[0] + 16, corner[1] : corner[1] + 24] = 1.0
    network = build_network(name, base_channels=4)
    image = paddle.to_tensor(rng.uniform(-1, 1, (1, 3, height, width)), "float32")
    sizes = []
    encode = network.coarse.features
    monkeypatch.setattr(
        network.coarse, "features", lambda x: sizes.append(x.shape[2:]) or encode(x)
    )
    with paddle.no_grad():
        expected = network(image * (1.0 - mask), mask)
        ours = predict_in_hole(network, image * (1.0 - mask), mask)
    assert sizes[0] == [height, width] and sizes[1][0] < height and sizes[1][1] < width
    for stage in ("coarse", "refined"):
        difference = (getattr(ours, stage) - getattr(expected, stage)) * mask
        assert float(difference.abs().max()) < 1e-6


@pytest.mark.parametrize("name", [n for n in LEAVING_OUT if n.startswith("deepfill_v1")])
@pytest.mark.parametrize("stage", ["coarse", "refinement"])
def test_features_see_no_further_than_the_network_says(name, stage):
    network = build_network(name, base_channels=2)
    features = {
        "coarse": network.coarse.features,
        "refinement": network.refinement.dilated_features,
    }[stage]
    middle = FEATURES_REACH + 2  # a position with more around it than it should see
    x = paddle.ones([1, 5, *[4 * (2 * middle + 1)] * 2])
    x.stop_gradient = False
    features(x)[:, :, middle, middle].sum().backward()
    rows, columns = np.nonzero(x.grad.abs().sum(axis=[0, 1]).numpy())
    for seen in (rows // 4, columns // 4):
        assert max(middle - seen.min(), seen.max() - middle) == FEATURES_REACH


@pytest.mark.parametrize("attention_memory", [None, 1 << 22])
@pytest.mark.parametrize("name", [n for n in LEAVING_OUT if n.startswith("deepfill_v1")])
@pytest.mark.parametrize("holes", list(HOLES))
def test_a_large_attention_is_left_out_far_from_holes(
    name, holes, attention_memory, rng, monkeypatch
):
    monkeypatch.setattr("ppdeepfill.networks.kernels.attention.LARGE", 0)
    mask = masks(HOLES[holes])
    network = build_network(name, base_channels=4)
    image = paddle.to_tensor(rng.uniform(-1, 1, (*mask.shape[:1], 3, HEIGHT, WIDTH)), "float32")
    with paddle.no_grad():
        expected = network(image * (1.0 - mask), mask)
        with attention_memory_limit(attention_memory):
            ours = predict_in_hole(network, image * (1.0 - mask), mask)
    assert float(((ours.refined - expected.refined) * mask).abs().max()) < 1e-5
    # Two patches may be equally good up to rounding, so few of the best ones may differ.
    hole = F.max_pool2d(mask, 8).numpy()[:, 0] > 0
    found, best = (offsets_of(x).numpy().transpose([0, 2, 3, 1])[hole] for x in (ours, expected))
    assert (found == best).all(axis=-1).mean(dtype=np.float64) > 0.9 if hole.any() else True


def test_attention_is_computed_near_the_holes_only(rng, monkeypatch):
    monkeypatch.setattr("ppdeepfill.networks.kernels.attention.LARGE", 0)
    x = paddle.to_tensor(rng.standard_normal((1, 8, HEIGHT // 4, WIDTH // 4)), "float32")
    mask = masks(HOLES["inside"])
    with paddle.no_grad(), attention_around_holes(mask, 4, margin=2):
        features = ContextualAttention()(x, x, None).features
    with paddle.no_grad():
        whole = ContextualAttention()(x, x, None).features
    rows, columns = slice(10 - 2, 18 + 2), slice(16 - 2, 25 + 2)
    near = np.s_[:, :, rows, columns]
    np.testing.assert_allclose(features.numpy()[near], whole.numpy()[near], atol=1e-5)
    assert not features[:, :, :4].any() and not features[:, :, :, 40:].any()


@pytest.mark.parametrize("holes", list(HOLES))
def test_windows_hold_holes_and_margins(holes):
    windows = windows_around_holes(masks(HOLES[holes]), scale=4, margin=3)
    height, width = windows.size
    assert height <= HEIGHT // 4 and width <= WIDTH // 4
    for (top, left), hole in zip(windows.corners, HOLES[holes], strict=True):
        assert 0 <= top <= HEIGHT // 4 - height and 0 <= left <= WIDTH // 4 - width
        if hole[2] > hole[0]:
            assert top <= max(hole[0] // 4 - 3, 0) and left <= max(hole[1] // 4 - 3, 0)
            assert top + height >= min(-(-hole[2] // 4) + 3, HEIGHT // 4)
            assert left + width >= min(-(-hole[3] // 4) + 3, WIDTH // 4)


def test_windows_can_be_moved_into_larger_ones():
    outer = Windows([(0, 2), (5, 7)], (6, 5))
    inner = Windows([(0, 4), (9, 8)], (4, 3)).moved_into(outer)
    assert inner.corners == [(0, 4), (7, 8)]
    assert inner.within(outer).corners == [(0, 2), (2, 1)]


def test_windows_are_small_where_holes_are():
    assert windows_around_holes(masks(HOLES["inside"]), scale=4, margin=3).size == (16, 16)


def test_what_is_cut_out_can_be_put_back(rng):
    x = paddle.to_tensor(rng.standard_normal((2, 3, 10, 12)).astype(np.float32))
    windows = Windows([(0, 2), (5, 7)], (4, 5))
    back = windows.put_back(windows.of(x), (10, 12), 1).numpy()
    for sample, expected, (top, left) in zip(back, x.numpy(), windows.corners, strict=True):
        inside = np.s_[:, top : top + 4, left : left + 5]
        np.testing.assert_array_equal(sample[inside], expected[inside])
        sample[inside] = 0.0
    assert not back.any()
