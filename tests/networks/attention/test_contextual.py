# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The attention against both references, and what must hold for any input."""

import inspect
import json
import shutil
import subprocess
import sys

import numpy as np
import paddle
import pytest
import reference

from ppdeepfill.alignment import recipes
from ppdeepfill.networks import ContextualAttention
from ppdeepfill.networks.attention import contextual
from ppdeepfill.networks.attention.contextual import (
    attention_to_offsets,
    contextual_attention,
    downsample_nearest,
)
from ppdeepfill.networks.reference import Reference

# Float32 against float64 inside one reference: 2e-6 (outputs), 5e-4 (gradients, worst case).
OUTPUT_TOLERANCE = 2e-5
GRADIENT_TOLERANCE = 1e-4


def nchw(x: np.ndarray | None) -> paddle.Tensor | None:
    return None if x is None else paddle.to_tensor(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))


def random_tensor(rng, *shape) -> paddle.Tensor:
    return paddle.to_tensor(rng.standard_normal(shape).astype(np.float32))


# --- references -------------------------------------------------------------------------------


def through_the_layer(foreground, background, mask=None, **options):
    features, weights, _ = ContextualAttention(**options)(foreground, background, mask)
    return features, weights


@pytest.fixture(params=[contextual_attention, through_the_layer], ids=["as in the paper", "layer"])
def attend(request):
    """The form of the paper, and what the networks use."""
    return request.param


def check_tensorflow_case(attend, arrays, case: str):
    stored = {n.split(".", 1)[1]: arrays[n] for n in arrays.files if n.startswith(f"{case}.")}
    foreground = nchw(stored["f"])
    background = nchw(stored.get("b", stored["f"]))
    output, attention = attend(
        foreground,
        background,
        nchw(stored.get("mask")),
        rate=int(stored["rate"]),
        propagation_size=3 if stored["fuse"] else 1,
    )
    assert reference.relative_error(output, stored["y"].transpose(0, 3, 1, 2)) < OUTPUT_TOLERANCE
    clear = stored["logit_margin"] > 1e-3
    best = attention.argmax(axis=1).numpy()
    np.testing.assert_array_equal(best[clear], stored["argmax"][clear])
    if "attn" in stored:
        weights = attention.transpose([0, 2, 3, 1])
        assert reference.relative_error(weights, stored["attn"]) < OUTPUT_TOLERANCE


def check_torch_case(attend, arrays, case: str, options: dict):
    stored = {n.split("/", 1)[1]: arrays[n] for n in arrays.files if n.startswith(f"{case}/")}
    foreground = paddle.to_tensor(options.get("f", stored.get("f")), stop_gradient=False)
    background = paddle.to_tensor(options.get("b", stored.get("b")), stop_gradient=False)
    mask = stored.get("mask")
    if mask is not None:
        mask = paddle.to_tensor(mask[:, :, ::4, ::4].astype(np.float32))
    output, attention = attend(
        foreground, background, mask, reference="torch", **options["arguments"]
    )
    per_sample = "_persample" if "y_persample" in stored else ""
    assert reference.relative_error(output, stored[f"y{per_sample}"]) < OUTPUT_TOLERANCE
    best = attention.argmax(axis=1).numpy()
    theirs = stored[f"argmax_flat{per_sample}"].reshape(best.shape)
    clear = np.ones_like(best, bool)
    if "top1" in stored and not per_sample:
        clear = (stored["top1"] - stored["top2"]).reshape(best.shape) > 1e-5
    np.testing.assert_array_equal(best[clear], theirs[clear])

    weights = recipes.normal(options["seed"], output.shape)
    (output * paddle.to_tensor(weights)).sum().backward()
    for name, leaf in (("grad_f", foreground), ("grad_b", background)):
        gradient = leaf.grad.numpy()
        if f"{name}_strided4" in stored:
            ours, theirs = gradient[:, ::4, ::4, ::4], stored[f"{name}_strided4"]
        else:
            ours, theirs = gradient, stored[f"{name}{per_sample}"]
        assert reference.relative_error(ours, theirs) < GRADIENT_TOLERANCE, name


@pytest.mark.parametrize(
    "case",
    [
        "c01_self_mask_r2_fuse",
        "c06_self_mask_r1_fuse",
        "c09_fb_48x32_nomask_r2_fuse",
        "c15_fb_sizes_nomask_r2_fuse",
    ],
)
def test_agrees_with_authors(attend, own_arrays, case):
    check_tensorflow_case(attend, np.load(own_arrays / "tensorflow_attention.npz"), case)


@pytest.mark.parametrize("case, seed", [("c03_batch3_diffmask", 132), ("c09_b_larger", 192)])
def test_agrees_with_port(attend, own_arrays, case, seed):
    arrays = np.load(own_arrays / "torch_attention.npz")
    check_torch_case(attend, arrays, case, {"seed": seed, "arguments": {}})


def test_agrees_with_authors_on_all_cases(attend, golden_dir):
    arrays = np.load(golden_dir / "tensorflow" / "contextual_attention_tf.npz")
    for case in sorted({name.split(".")[0] for name in arrays.files}):
        check_tensorflow_case(attend, arrays, case)


def test_agrees_with_port_on_all_cases(attend, golden_dir):
    arrays = np.load(golden_dir / "torch" / "contextual_attention_cases.npz")
    text = (golden_dir / "torch" / "contextual_attention_cases.json").read_text()
    for name, case in json.loads(text)["cases"].items():
        if case["relu"]:
            continue  # its inputs are stored nowhere and their recipe has more steps
        options = {
            "seed": case["seed_R"],
            "arguments": {
                "patch_size": case["ksize"],
                "rate": case["rate"],
                "propagation_size": case["fuse_k"] if case["fuse"] else 1,
                "softmax_scale": case["softmax_scale"],
            },
        }
        if f"{name}/b" not in arrays.files:
            options["b"] = arrays[f"{name}/f"]
        check_torch_case(attend, arrays, name, options)


def test_aligned_subsampling_agrees_with_authors(golden_dir):
    arrays = np.load(golden_dir / "tensorflow" / "ops_tf.npz")
    compared = 0
    for key in arrays.files:
        if not key.startswith("nn_index."):
            continue
        size, count = map(int, key.removeprefix("nn_index.").split("_to_"))
        if size % count or size == count:
            continue
        line = paddle.arange(size, dtype="float32").reshape([1, 1, size, 1])
        square = line.expand([1, 1, size, size])
        taken = downsample_nearest(square, size // count)[0, 0, :, 0].numpy()
        np.testing.assert_array_equal(taken, arrays[key].ravel(), err_msg=key)
        compared += 1
    assert compared > 5


# --- properties -------------------------------------------------------------------------------


def test_batch_equals_singles(attend, rng):
    foreground, background = (random_tensor(rng, 3, 4, 16, 24) for _ in range(2))
    mask = paddle.zeros([3, 1, 16, 24])
    for sample, (top, left) in enumerate([(0, 0), (4, 8), (8, 14)]):
        mask[sample, :, top : top + 6, left : left + 8] = 1.0
    together, weights = attend(foreground, background, mask)
    for i in range(3):
        alone, weight = attend(foreground[i : i + 1], background[i : i + 1], mask[i : i + 1])
        np.testing.assert_allclose(together[i : i + 1].numpy(), alone.numpy(), atol=1e-5)
        np.testing.assert_allclose(weights[i : i + 1].numpy(), weight.numpy(), atol=1e-5)


def test_copies_a_shifted_background(attend, rng):
    """Where the foreground is the background shifted by 4, so are the offsets."""
    background = random_tensor(rng, 1, 16, 32, 32)
    foreground = background.roll(shifts=-4, axis=3)
    output, attention = attend(foreground, background, softmax_scale=50.0)
    inner = (slice(None), slice(None), slice(6, -6), slice(6, -10))
    np.testing.assert_allclose(output[inner].numpy(), foreground[inner].numpy(), atol=1e-3)
    dy, dx = attention_to_offsets(attention, (16, 16))[0, :, 3:-3, 3:-5].numpy()
    assert (dy == 0).all() and (np.abs(dx - 2) <= 1).all()


def test_masked_patches_are_never_pasted(attend, rng):
    background = random_tensor(rng, 1, 4, 16, 16)
    mask = paddle.zeros([1, 1, 16, 16])
    mask[:, :, 4:12, 4:12] = 1.0
    changed = background + 100.0 * mask * (downsample_nearest(mask, 2).mean() > 0).astype("float32")
    foreground = random_tensor(rng, 1, 4, 16, 16)
    _, attention = attend(foreground, background, mask)
    weights = attention.reshape([8, 8, -1]).sum(axis=-1).numpy()
    assert (weights[2:5, 2:5] == 0.0).all()
    assert weights.sum() > 0.0
    _, other = attend(foreground, changed, mask)
    assert (other.reshape([8, 8, -1]).sum(axis=-1).numpy()[2:5, 2:5] == 0.0).all()


def test_full_hole_gives_zeros(attend, rng):
    features = random_tensor(rng, 1, 4, 16, 16)
    output, attention = attend(features, features, paddle.ones([1, 1, 16, 16]))
    assert not output.numpy().any() and not attention.numpy().any()


def test_stride_takes_every_other_patch(attend, rng):
    foreground, background = random_tensor(rng, 1, 4, 16, 16), random_tensor(rng, 1, 4, 16, 16)
    _, all_weights = attend(foreground, background, propagation_size=1)
    kept = all_weights.reshape([1, 8, 8, 8, 8])[:, ::2, ::2].flatten(1, 2)
    output, weights = attend(foreground, background, propagation_size=1, stride=2)
    assert output.shape == [1, 4, 16, 16] and weights.shape == [1, 16, 8, 8]
    expected = kept / kept.sum(axis=1, keepdim=True)
    np.testing.assert_allclose(weights.numpy(), expected.numpy(), rtol=1e-4)


@pytest.mark.parametrize(
    "shapes, options, words",
    [
        (([2, 4, 16, 16], [1, 4, 16, 16], None), {}, "batch size"),
        (([1, 4, 16, 16], [1, 8, 16, 16], None), {}, "number of channels"),
        (([1, 4, 15, 16], [1, 4, 16, 16], None), {}, "multiples of 2"),
        (([1, 4, 16, 16], [1, 4, 16, 16], [1, 1, 64, 64]), {}, "1 = hole"),
        (([2, 4, 16, 16], [2, 4, 16, 16], [3, 1, 16, 16]), {}, "mask must be"),
        (([1, 4, 16, 16], [1, 4, 16, 16], None), {"patch_size": 2}, "odd"),
        (([1, 4, 16, 16], [1, 4, 16, 16], None), {"rate": 0}, "rate"),
        (([1, 4, 16, 16], [1, 4, 16, 16], None), {"reference": "keras"}, "tensorflow"),
    ],
)
def test_unusable_input_is_explained(attend, shapes, options, words):
    tensors = [None if shape is None else paddle.zeros(shape) for shape in shapes]
    with pytest.raises(ValueError, match=words):
        attend(*tensors, **options)


def test_file_works_on_its_own(tmp_path):
    shutil.copy(inspect.getfile(contextual_attention), tmp_path / "attention_copy.py")
    code = (
        "import paddle, attention_copy as a; x = paddle.ones([1, 2, 8, 8]); "
        "print(list(a.contextual_attention(x, x)[0].shape))"
    )
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip().endswith("[1, 2, 8, 8]")


def test_both_names_of_the_references_are_one():
    assert contextual.Reference == Reference
