# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Partial convolution against both public versions, and what it must do in any case."""

import json
from math import prod

import method_recipes
import numpy as np
import paddle
import pytest
import reference

from ppdeepfill.networks.partial_convolution import PartialConv2D, doubled, joined

# Float32 against float64 inside the public versions: 5e-7, gradients 1e-6.
TOLERANCE = 5e-6


def make_layer(facts: dict, weight: np.ndarray, bias: np.ndarray | None) -> PartialConv2D:
    layer = PartialConv2D(
        facts["cin"],
        facts["cout"],
        facts["k"],
        stride=facts["stride"],
        padding=facts["padding"],
        dilation=facts["dilation"],
        bias=bias is not None,
    )
    layer.conv.weight.set_value(weight)
    if bias is not None:
        layer.bias.set_value(bias)
    return layer


def optional(arrays, name: str) -> np.ndarray | None:
    return arrays[name] if name in arrays.files else None


def check(arrays, prefix: str, layer, x, known, weights, *, factor: float = 1.0) -> None:
    """Compare output, new mask and gradients of sum(out * weights)."""
    x = paddle.to_tensor(x, stop_gradient=False)
    ours, known_after = layer(x, paddle.to_tensor(known))
    (ours * paddle.to_tensor(weights)).sum().backward()
    gradients = [(x, "grad_x", 1.0), (layer.conv.weight, "grad_weight", 1.0 / factor)]
    gradients += [] if layer.bias is None else [(layer.bias, "grad_bias", 1.0)]
    assert reference.relative_error(ours, arrays[f"{prefix}/out"]) < TOLERANCE
    np.testing.assert_array_equal(known_after.numpy(), arrays[f"{prefix}/new_mask"])
    for tensor, name, scale in gradients:
        theirs = arrays[f"{prefix}/{name}"]
        assert reference.relative_error(tensor.grad * scale, theirs) < TOLERANCE, name


@pytest.mark.parametrize("case", ["k3b", "k5s2", "k7s2b", "k3d2b", "allhole"])
@pytest.mark.parametrize("variant", ["nv_multi", "nv_single", "naoto"])
def test_agrees_with_public_versions(golden_dir, case, variant):
    folder = golden_dir / "methods" / "partial_conv"
    arrays = np.load(folder / "layers.npz")
    if f"{case}/{variant}/out" not in arrays.files:
        pytest.skip("the reference has no such case")
    facts = json.loads((folder / "layers.json").read_text())[case]["conv"]
    mask, weight = arrays[f"{case}/mask"], arrays[f"{case}/weight"]
    # The port leaves the factor k k C out: its weights are ours times it.
    factor = prod(weight.shape[1:]) if variant == "naoto" else 1.0
    layer = make_layer(facts, weight / np.float32(factor), optional(arrays, f"{case}/bias"))
    x = method_recipes.symmetric(7400, f"x_{case}", mask.shape)
    weights = method_recipes.symmetric(7400, f"R_{case}", arrays[f"{case}/{variant}/out"].shape)
    known = mask[:, :1] if variant == "nv_single" else mask
    check(arrays, f"{case}/{variant}", layer, x, known, weights, factor=factor)


@pytest.mark.parametrize("case", ["p0", "p1", "p2", "p3", "p4"])
def test_agrees_with_the_older_version_in_rfr(golden_dir, case):
    folder = golden_dir / "torch"
    arrays = np.load(folder / "rfr.npz")
    facts = json.loads((folder / "rfr.json").read_text())["pconv"][case]
    theirs = {n.split("/")[2]: arrays[n] for n in arrays.files if n.startswith(f"pconv/{case}/")}
    layer = make_layer(facts, theirs["weight"], theirs.get("bias"))
    x = paddle.to_tensor(theirs["x"], stop_gradient=False)
    ours, known = layer(x, paddle.to_tensor(theirs["mask"]))
    (ours * paddle.to_tensor(theirs["R"])).sum().backward()
    assert reference.relative_error(ours, theirs["out"]) < TOLERANCE
    np.testing.assert_array_equal(known.numpy(), theirs["updated_mask"][:, :1])
    assert reference.relative_error(x.grad, theirs["grad_x"]) < TOLERANCE
    assert reference.relative_error(layer.conv.weight.grad, theirs["grad_w"]) < TOLERANCE
    assert reference.relative_error(layer(x)[0], theirs["out_mask_none"]) < TOLERANCE


def test_padding_counts_as_unknown(golden_dir):
    arrays = np.load(golden_dir / "methods" / "partial_conv" / "layers.npz")
    facts = {"cin": 3, "cout": 4, "k": 3, "stride": 1, "padding": 1, "dilation": 1}
    layer = make_layer(facts, arrays["padding/weight"], arrays["padding/bias"])
    ours, _ = layer(paddle.to_tensor(arrays["padding/x"]))
    assert reference.relative_error(ours, arrays["padding/out"]) < TOLERANCE


def test_a_fractional_mask_is_as_nvidias(golden_dir):
    arrays = np.load(golden_dir / "methods" / "partial_conv" / "layers.npz")
    facts = {"cin": 2, "cout": 3, "k": 3, "stride": 1, "padding": 1, "dilation": 1}
    layer = make_layer(facts, arrays["frac/weight"], arrays["frac/bias"])
    ours, known = layer(*(paddle.to_tensor(arrays[f"frac/{name}"]) for name in ("x", "mask")))
    assert reference.relative_error(ours, arrays["frac/nv_single/out"]) < TOLERANCE
    assert reference.relative_error(known, arrays["frac/nv_single/new_mask"]) < TOLERANCE


def random_tensor(rng, *shape) -> paddle.Tensor:
    return paddle.to_tensor(rng.normal(size=shape).astype(np.float32))


def test_what_the_hole_holds_does_not_matter(rng):
    layer = PartialConv2D(3, 4, 5, stride=2, bias=True)
    x, known = random_tensor(rng, 2, 3, 12, 10), paddle.ones([2, 1, 12, 10])
    known[:, :, 2:9, 3:9] = 0.0
    ours, after = layer(x, known)
    other, _ = layer(x * known + 7.0 * (1.0 - known), known)
    np.testing.assert_array_equal(ours.numpy(), other.numpy())
    unknown = np.broadcast_to(after.numpy() == 0.0, ours.shape)
    assert unknown.any() and not ours.numpy()[unknown].any()


def test_a_constant_stays_constant_whatever_is_known(rng):
    layer = PartialConv2D(2, 3, 3)
    layer.conv.weight.set_value(paddle.ones([3, 2, 3, 3]) / 18.0)
    known = paddle.to_tensor((rng.random((1, 1, 9, 11)) > 0.6).astype(np.float32))
    ours, after = layer(paddle.full([1, 2, 9, 11], 0.7), known)
    np.testing.assert_allclose(ours.numpy(), np.broadcast_to(0.7 * after, ours.shape), rtol=1e-5)


def test_joined_parts_keep_their_masks(rng):
    parts = [
        (random_tensor(rng, 2, c, 4, 6), paddle.full([2, 1, 4, 6], k))
        for c, k in ((3, 1.0), (2, 0.0))
    ]
    features, known = joined(*parts)
    assert features.shape == known.shape == [2, 5, 4, 6]
    assert (known[:, :3] == 1.0).all() and (known[:, 3:] == 0.0).all()


def test_doubled_repeats_each_position(rng):
    x = random_tensor(rng, 2, 3, 4, 5)
    expected = x.numpy().repeat(2, axis=2).repeat(2, axis=3)
    np.testing.assert_array_equal(doubled(x).numpy(), expected)
