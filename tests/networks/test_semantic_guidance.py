# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The first stage against the authors' code, and what labels do in the second."""

import numpy as np
import paddle
import pytest
from espa_authors import fill_external_spatial, fill_first_stage
from paddle.static import InputSpec
from reference import relative_error

from ppdeepfill.networks import build_network
from ppdeepfill.networks.attention.external_spatial import AxisMap, ExternalSpatialAttention
from ppdeepfill.networks.semantic_guidance import UNKNOWN, FirstStage

TOLERANCE = 1e-4


def test_the_attention_agrees_with_authors(own_arrays):
    arrays = np.load(own_arrays / "espa.npz")
    layer = ExternalSpatialAttention(16, grid=24)
    layer.value = AxisMap(32)  # theirs has one size for each axis
    fill_external_spatial(layer, arrays, "attn.w.")
    y = layer.mix(paddle.to_tensor(arrays["attn.x"]))
    assert relative_error(y, arrays["attn.y"]) < TOLERANCE


def test_the_first_stage_agrees_with_authors(golden_dir):
    arrays = np.load(golden_dir / "espa" / "espa.npz")
    stage = FirstStage(8, grid=64)
    fill_first_stage(stage, arrays)
    image, mask = (paddle.to_tensor(arrays[f"net.{name}"]) for name in ("image", "mask"))
    with paddle.no_grad():
        coarse, features = stage(image * (1.0 - mask), mask)
    assert relative_error(features, arrays["net.features"]) < TOLERANCE
    assert relative_error(coarse, arrays["net.coarse"]) < TOLERANCE


@pytest.fixture
def network():
    network = build_network("semantic_guidance", base_channels=4, classes=5, attention_grid=8)
    network.eval()
    return network


@pytest.fixture
def inputs(rng) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
    """Masked images, masks and labels of two samples."""
    image = paddle.to_tensor(rng.uniform(-1.0, 1.0, (2, 3, 32, 40)).astype(np.float32))
    mask = paddle.zeros([2, 1, 32, 40])
    mask[0, :, 8:20, 4:30], mask[1, :, 4:, 20:33] = 1.0, 1.0
    labels = paddle.to_tensor(rng.integers(0, 5, (2, 32, 40)))
    return image * (1.0 - mask), mask, labels


def test_unknown_labels_are_those_that_the_network_predicts(network, inputs):
    image, mask, labels = inputs
    without = network(image, mask)
    unknown = network(image, mask, paddle.full_like(labels, UNKNOWN))
    np.testing.assert_allclose(unknown.refined.numpy(), without.refined.numpy(), atol=1e-5)
    np.testing.assert_array_equal(unknown.coarse.numpy(), without.coarse.numpy())


def test_a_label_works_where_it_is_given(network, inputs):
    image, mask, labels = inputs
    first = paddle.full_like(labels, UNKNOWN)
    second = first.clone()
    first[0, :, :8], second[0, :, :8] = 1, 2
    one, other = (network(image, mask, x).refined.numpy() for x in (first, second))
    np.testing.assert_array_equal(one[1], other[1])
    difference = np.abs(one[0] - other[0]).max(axis=(0, 1))  # of each column
    assert difference[:8].min() > 1e-5
    np.testing.assert_allclose(difference[32:], 0.0, atol=1e-6)


def test_batch_equals_singles_with_labels(network, inputs):
    together = network(*inputs).refined
    for i in range(2):
        alone = network(*(x[i : i + 1] for x in inputs)).refined
        np.testing.assert_allclose(alone[0].numpy(), together[i].numpy(), atol=2e-5)


def test_an_exported_graph_equals_dygraph_with_labels(network, inputs, tmp_path):
    image, mask, labels = inputs
    unknown = paddle.full_like(labels, UNKNOWN)
    cases = [labels, paddle.where(labels < 3, labels, unknown), unknown]
    expected = [network(image, mask, given) for given in cases]
    specs = [InputSpec([None, channels, None, None]) for channels in (3, 1)]
    specs.append(InputSpec([None, None, None], "int64"))
    static = paddle.jit.to_static(network, input_spec=specs, full_graph=True)
    paddle.jit.save(static, str(tmp_path / "network"))
    loaded = paddle.jit.load(str(tmp_path / "network"))
    for given, prediction in zip(cases, expected, strict=True):
        refined, coarse = loaded(image, mask, given)
        np.testing.assert_allclose(refined.numpy(), prediction.refined.numpy(), atol=2e-5)
        np.testing.assert_allclose(coarse.numpy(), prediction.coarse.numpy(), atol=2e-5)


def test_no_hole_and_all_hole(network, inputs):
    image, mask, labels = inputs
    for hole in (paddle.zeros_like(mask), paddle.ones_like(mask)):
        prediction = network(image * (1.0 - hole), hole, labels)
        assert np.isfinite(prediction.refined.numpy()).all()


def test_unusable_labels_are_explained(network, inputs):
    image, mask, labels = inputs
    with pytest.raises(ValueError, match=r"labels must be \[B, H, W\], here \[2, 32, 40\]"):
        network(image, mask, labels[:, ::4])
    labels[1, 2, 3] = 7
    with pytest.raises(ValueError, match="a label is 7, but the network has 5 classes"):
        network(image, mask, labels)
    with pytest.raises(ValueError, match="classes must be from 1 to 255"):
        build_network("semantic_guidance", classes=256)
