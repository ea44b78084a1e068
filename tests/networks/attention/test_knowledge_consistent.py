# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Knowledge-consistent attention against RFR's authors, and what it must do in any case."""

import method_recipes
import numpy as np
import paddle
import pytest
import reference
from partial_recipes import rfr_arrays

from ppdeepfill.networks.attention.knowledge_consistent import (
    KnowledgeConsistentAttention,
    attend_consistently,
)

# Float32 against float64 inside the authors' code: 3e-7 to 1e-6.
TOLERANCE = 1e-5


def as_theirs(scores: paddle.Tensor, height: int, width: int) -> paddle.Tensor:
    """[B, L, L] of ours -> [B, L, h, w] of the authors."""
    return scores.transpose([0, 2, 1]).reshape([len(scores), -1, height, width])


@pytest.mark.parametrize(
    ("case", "ratio", "propagation_size"),
    [("k0", 1.0, 3), ("k1", 0.6, 3), ("k2", -1.7, 3), ("k3", 1.0, 1)],
)
def test_three_calls_agree_with_authors(golden_dir, case, ratio, propagation_size):
    arrays = np.load(golden_dir / "torch" / "rfr.npz")
    ratio = paddle.to_tensor([ratio], stop_gradient=False)
    before, total, inputs = None, 0.0, []
    for call in range(3):
        theirs = {n: arrays[f"kca/{case}/call{call}/{n}"] for n in ("f", "mask", "R", "out")}
        features = paddle.to_tensor(theirs["f"], stop_gradient=False)
        height, width = features.shape[2:]
        step = theirs["mask"].shape[2] // height
        ours, scores = attend_consistently(
            features, ratio, before, propagation_size=propagation_size
        )
        before = scores, paddle.to_tensor(theirs["mask"][:, :, ::step, ::step])
        assert reference.relative_error(ours, theirs["out"]) < TOLERANCE
        expected = arrays[f"kca/{case}/call{call}/att_scores"]
        assert reference.relative_error(as_theirs(scores, height, width), expected) < TOLERANCE
        total = total + (ours * paddle.to_tensor(theirs["R"])).sum()
        inputs.append(features)
    total.backward()
    for call, features in enumerate(inputs):
        expected = arrays[f"kca/{case}/call{call}/grad_f"]
        assert reference.relative_error(features.grad, expected) < TOLERANCE, call
    assert reference.relative_error(ratio.grad, arrays[f"kca/{case}/grad_ratio"]) < 1e-4


@pytest.mark.parametrize("case", ["kca0", "kca1"])
def test_scores_are_not_detached(golden_dir, case):
    """Gradients reach the features of the call before, as in the authors' code."""
    arrays = np.load(golden_dir / "methods" / "rfr_objective" / "losses_kca.npz")
    theirs = {n.split("/")[1]: arrays[n] for n in arrays.files if n.startswith(f"{case}/")}
    shape = theirs["out1"].shape
    first, second, weights = (
        paddle.to_tensor(method_recipes.symmetric(7300, f"{name}_{case}", shape))
        for name in ("f1", "f2", "R")
    )
    ratio = paddle.to_tensor([float(theirs["ratio"])])
    for tensor in (first, second, ratio):
        tensor.stop_gradient = False
    out1, scores1 = attend_consistently(first, ratio)
    out2, scores2 = attend_consistently(second, ratio, (scores1, paddle.to_tensor(theirs["mask1"])))
    (out2 * weights).sum().backward()
    height, width = shape[2:]
    for ours, name in (
        (out1, "out1"),
        (out2, "out2"),
        (as_theirs(scores1, height, width), "scores1"),
        (as_theirs(scores2, height, width), "scores2"),
        (first.grad, "grad_of_second_wrt_f1"),
        (second.grad, "grad_of_second_wrt_f2"),
        (ratio.grad, "grad_of_second_wrt_ratio"),
    ):
        assert reference.relative_error(ours, theirs[name]) < TOLERANCE, name


def test_the_layer_agrees_with_authors(golden_dir):
    arrays = np.load(golden_dir / "torch" / "rfr.npz")
    layer = KnowledgeConsistentAttention(8)
    order = [("att.ratio", [1]), ("combiner.weight", [8, 16, 1, 1]), ("combiner.bias", [8])]
    theirs = rfr_arrays(order, 1.0, seed=43000)
    for ours, name in (("ratio", "att.ratio"), ("combine.weight", "combiner.weight")):
        np.testing.assert_array_equal(theirs[name], arrays[f"attmod/w/{name}"])
        layer.state_dict()[ours].set_value(theirs[name])
    layer.combine.bias.set_value(theirs["combiner.bias"])
    scores, known = None, None
    for call in range(2):
        features = paddle.to_tensor(arrays[f"attmod/call{call}/f"])
        ours, scores = layer(features, scores, known)
        mask = arrays[f"attmod/call{call}/mask"]
        step = mask.shape[2] // features.shape[2]
        known = paddle.to_tensor(mask[:, :, ::step, ::step])
        assert reference.relative_error(ours, arrays[f"attmod/call{call}/out"]) < TOLERANCE


def test_every_position_shares_itself_out(rng):
    features = paddle.to_tensor(rng.normal(size=(2, 5, 4, 6)).astype(np.float32))
    _, scores = attend_consistently(features, paddle.ones([1]))
    np.testing.assert_allclose(scores.sum(axis=2).numpy(), 1.0, rtol=1e-5)


def test_earlier_scores_count_where_it_was_known(rng):
    features = paddle.to_tensor(rng.normal(size=(1, 3, 4, 4)).astype(np.float32))
    earlier = paddle.ones([1, 16, 16]) / 16.0
    known = paddle.zeros([1, 1, 4, 4])
    known[:, :, :2] = 1.0
    _, alone = attend_consistently(features, paddle.ones([1]))
    _, blended = attend_consistently(features, paddle.ones([1]), (earlier, known))
    np.testing.assert_allclose(blended[0, 8:].numpy(), alone[0, 8:].numpy(), rtol=1e-5)
    half = (alone[0, :8] + 1.0 / 16.0) / 2.0
    np.testing.assert_allclose(blended[0, :8].numpy(), half.numpy(), rtol=1e-5)
