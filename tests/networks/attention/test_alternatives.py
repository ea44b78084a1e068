# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The attentions that take the place of the contextual one."""

import numpy as np
import paddle
import pytest
from reference import relative_error

from ppdeepfill.networks import build_network
from ppdeepfill.networks.attention.appearance_flow import AppearanceFlow
from ppdeepfill.networks.attention.choice import ATTENTIONS, build_attention
from ppdeepfill.networks.attention.external_spatial import ExternalSpatialAttention
from ppdeepfill.networks.attention.shift import ShiftAttention
from ppdeepfill.networks.attention.spatial_transformer import SpatialTransformer

FILL_THE_HOLE = [name for name in ATTENTIONS if name not in ("contextual", "none")]
CHANNELS = 6


@pytest.fixture(params=FILL_THE_HOLE)
def attention(request):
    layer = build_attention(request.param, CHANNELS, grid=8)
    look_further(layer)
    return layer


def look_further(layer) -> None:
    """Weights with which flows and maps lead far away; they begin close to the identity."""
    for last in (getattr(layer, "to_flow", None), getattr(layer, "to_map", None)):
        if last is not None:
            last.weight.set_value(300.0 * last.weight)


def features(rng, *shape) -> paddle.Tensor:
    return paddle.to_tensor(rng.normal(size=shape), dtype=paddle.get_default_dtype())


def rectangle(height, width, top, bottom, left, right) -> paddle.Tensor:
    mask = paddle.zeros([1, 1, height, width])
    mask[:, :, top:bottom, left:right] = 1.0
    return mask


def test_what_is_known_stays_and_the_hole_does_not(attention, rng):
    x, mask = features(rng, 2, CHANNELS, 8, 12), paddle.zeros([2, 1, 8, 12])
    mask[0, :, 2:5, 3:8], mask[1, :, :, 9:] = 1.0, 1.0
    attended = attention(x, x, mask)
    known = np.broadcast_to(mask.numpy() == 0.0, x.shape)
    np.testing.assert_array_equal(attended.features.numpy()[known], x.numpy()[known])
    changed = np.abs(attended.features.numpy() - x.numpy()).max(axis=1) > 1e-3
    assert changed[mask[:, 0].numpy() == 1.0].mean() > 0.5


def test_without_a_hole_nothing_changes(attention, rng):
    x = features(rng, 1, CHANNELS, 4, 6)
    attended = attention(x, x, paddle.zeros([1, 1, 4, 6]))
    np.testing.assert_array_equal(attended.features.numpy(), x.numpy())
    assert attended.offsets is None or not attended.offsets.numpy().any()


def test_all_hole_is_finite_and_has_gradients(attention, rng):
    x = features(rng, 1, CHANNELS, 4, 6)
    x.stop_gradient = False
    attended = attention(x, x, paddle.ones([1, 1, 4, 6]))
    attended.features.square().sum().backward()
    assert np.isfinite(attended.features.numpy()).all()
    assert np.isfinite(x.grad.numpy()).all() and x.grad.numpy().any()


def test_batch_equals_singles(attention, rng):
    x, y = (features(rng, 3, CHANNELS, 8, 6) for _ in range(2))
    mask = paddle.to_tensor((rng.random((3, 1, 8, 6)) < 0.3).astype(np.float32))
    together = attention(x, y, mask)
    for i in range(3):
        alone = attention(x[i : i + 1], y[i : i + 1], mask[i : i + 1])
        for one, other in zip(together, alone, strict=True):
            if one is not None:
                np.testing.assert_allclose(one[i : i + 1].numpy(), other.numpy(), atol=1e-5)


def test_the_foreground_asks_and_the_background_answers(attention, rng):
    x, y = (features(rng, 1, CHANNELS, 8, 8) for _ in range(2))
    mask = rectangle(8, 8, 2, 6, 2, 6)
    seen = attention(x, y, mask).features
    assert not np.allclose(seen.numpy(), attention(x, 2.0 * y, mask).features.numpy())
    # What lies in the background's hole is never taken over by these two.
    if isinstance(attention, ShiftAttention | ExternalSpatialAttention):
        other = y + 3.0 * mask
        np.testing.assert_array_equal(seen.numpy(), attention(x, other, mask).features.numpy())


def test_gradients_are_those_of_differences(attention, rng, float64):
    layer = build_attention(_name_of(attention), CHANNELS, grid=4)
    look_further(layer)
    mask = rectangle(8, 8, 2, 6, 4, 8).astype("float64")
    weights = features(rng, 1, CHANNELS, 8, 8)
    arguments = [features(rng, 1, CHANNELS, 8, 8) for _ in range(2)]
    differentiated = [*arguments, *layer.parameters()]

    def loss() -> paddle.Tensor:
        return (layer(*arguments, mask).features * weights).sum()

    for x in differentiated:
        x.stop_gradient = False
    loss().backward()
    for x in differentiated:
        direction = features(rng, *x.shape)
        expected = float((x.grad * direction).sum())
        start, values = x.numpy(), []
        for step in (1e-7, -1e-7):
            x.set_value(start + step * direction.numpy())
            values.append(float(loss()))
        x.set_value(start)
        assert (values[0] - values[1]) / 2e-7 == pytest.approx(expected, rel=1e-5, abs=1e-6)


def _name_of(attention) -> str:
    kinds = {name: type(build_attention(name, CHANNELS, grid=8)) for name in FILL_THE_HOLE}
    return next(name for name, kind in kinds.items() if isinstance(attention, kind))


def test_shift_takes_the_most_similar_known_block(rng):
    x, mask = features(rng, 2, 3, 8, 12), paddle.zeros([2, 1, 8, 12])
    mask[0, :, 3:6, 4:9], mask[1, :, :2, :] = 1.0, 1.0
    attended = ShiftAttention()(x, x, mask)
    blocks = x.numpy().reshape(2, 3, 4, 2, 6, 2).transpose(0, 2, 4, 1, 3, 5).reshape(2, 4, 6, -1)
    holes = mask.numpy()[:, 0].reshape(2, 4, 2, 6, 2).max(axis=(2, 4))
    units = blocks / np.linalg.norm(blocks, axis=-1, keepdims=True)
    for b in range(2):
        for i, j in np.argwhere(holes[b] == 1.0):
            cosines = np.where(holes[b] == 0.0, units[b] @ units[b, i, j], -2.0)
            row, column = np.unravel_index(cosines.argmax(), cosines.shape)
            assert attended.offsets[b, :, i, j].tolist() == [row - i, column - j]
            place, source = _block(b, i, j), _block(b, row, column)
            expected = np.where(mask.numpy()[place] == 1.0, x.numpy()[source], x.numpy()[place])
            np.testing.assert_array_equal(attended.features.numpy()[place], expected)


def _block(sample: int, row: int, column: int) -> tuple:
    return np.s_[sample, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]


def test_shift_leaves_a_hole_that_leaves_no_known_block(rng):
    x, mask = features(rng, 1, 3, 4, 4), paddle.zeros([1, 1, 4, 4])
    mask[:, :, ::2, ::2] = 1.0
    attended = ShiftAttention()(x, x, mask)
    np.testing.assert_array_equal(attended.features.numpy(), x.numpy())


@pytest.mark.parametrize("size", [(4, 6), (16, 16), (5, 24), (8, 8)])
def test_external_spatial_resamples_other_sizes_to_its_grid_and_back(rng, size):
    layer = ExternalSpatialAttention(3, grid=8)
    x = features(rng, 2, 3, *size)
    expected = layer.norm(x.transpose([0, 2, 3, 1])).transpose([0, 3, 1, 2]).numpy()
    for axis, axis_map, count in ((2, layer.key, size[0]), (3, layer.value, size[1])):
        on_grid = np.moveaxis(expected, axis, -1) @ resampling(count, 8).T
        hidden = paddle.nn.functional.gelu(paddle.to_tensor(on_grid) @ axis_map.first)
        mixed = (hidden @ axis_map.second).numpy()
        expected = np.moveaxis(mixed @ resampling(8, count).T, -1, axis)
    assert relative_error(layer.mix(x), expected) < 1e-5


def resampling(count: int, target: int) -> np.ndarray:
    """float32 [target, count], each row a mean over the width of a target."""
    here, there = (np.arange(count) + 0.5) / count, (np.arange(target) + 0.5) / target
    weights = np.maximum(1.0 - np.abs(there[:, None] - here) / max(1 / count, 1 / target), 0.0)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def test_a_flow_leads_where_it_points():
    layer = AppearanceFlow(2)
    x = paddle.arange(2.0 * 5 * 9).reshape([1, 2, 5, 9])[:, :, :4, :8]
    mask = rectangle(4, 8, 1, 3, 2, 6)
    layer.to_flow.weight.set_value(0.0 * layer.to_flow.weight)
    for dy, dx in ((0.0, 0.0), (-1.0, 2.0), (0.0, -1.5), (1.0, 9.0)):
        layer.to_flow.bias.set_value(np.array([2.0 * dy / 3.0, 2.0 * dx / 7.0], np.float32))
        attended = layer(x, x, mask)
        for i in range(1, 3):
            for j in range(2, 6):
                row, column = min(max(i + dy, 0), 3), min(max(j + dx, 0), 7)
                expected = 9 * row + column  # the features rise evenly
                assert float(attended.features[0, 0, i, j]) == pytest.approx(expected, abs=1e-4)
                if dx != -1.5:  # between two positions
                    assert attended.offsets[0, :, i, j].tolist() == [row - i, column - j]


@pytest.mark.parametrize(
    ("affine", "expected"),
    [
        ([1, 0, 0, 0, 1, 0], lambda x: x),
        ([-1, 0, 0, 0, 1, 0], lambda x: x[:, :, ::-1]),
        ([-1, 0, 0, 0, -1, 0], lambda x: x[:, :, ::-1, ::-1]),
        ([0, 1, 0, 1, 0, 0], lambda x: x.transpose(0, 1, 3, 2)),
    ],
)
def test_a_spatial_transformer_applies_its_map(rng, affine, expected):
    layer = SpatialTransformer(3)
    layer.to_map.weight.set_value(0.0 * layer.to_map.weight)
    layer.to_map.bias.set_value(np.array(affine, np.float32))
    x, mask = features(rng, 2, 3, 6, 6), paddle.ones([2, 1, 6, 6])
    attended = layer(x, x, mask)
    np.testing.assert_allclose(attended.features.numpy(), expected(x.numpy()), atol=1e-5)
    rows, columns = np.mgrid[:6, :6] + attended.offsets[0].numpy()
    moved = x.numpy()[:, :, rows, columns]
    np.testing.assert_array_equal(moved[0], expected(x.numpy())[0])


def test_training_starts_close_to_looking_nowhere_else(rng):
    x, mask = features(rng, 1, CHANNELS, 16, 16), rectangle(16, 16, 4, 12, 4, 12)
    for layer in (AppearanceFlow(CHANNELS), SpatialTransformer(CHANNELS)):
        attended = layer(x, x, mask)
        assert not attended.offsets.numpy().any()
        assert float((attended.features - x).abs().mean()) < 0.02


def test_an_unknown_attention_is_explained():
    with pytest.raises(ValueError, match="known attentions: contextual, none"):
        build_network("deepfill_v1", attention="flow")
