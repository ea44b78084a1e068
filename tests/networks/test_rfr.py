# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""RFR against its authors' code, and what it must do in any case."""

import json

import method_recipes
import numpy as np
import paddle
import pytest
import reference
from partial_recipes import blocks, fill_rfr, rfr_arrays, rfr_order

from ppdeepfill.networks import build_network
from ppdeepfill.networks.rfr import Rfr, merged

# Float32 against float64 inside the authors' code: 2e-6 of the largest output.
TOLERANCE = 1e-4


def predict(network, image: np.ndarray, mask: np.ndarray):
    """[-1, 1] in; out `refined` in [0, 1] as the authors', and the attention."""
    with paddle.no_grad():
        prediction = network(*map(paddle.to_tensor, (image * (1.0 - mask), mask)))
    return (prediction.refined.numpy() + 1.0) / 2.0, prediction.attention.numpy()


def case_of(golden_dir, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Image and mask of a case."""
    facts = json.loads((golden_dir / "torch" / "rfr.json").read_text())["cases"][name]
    mask = method_recipes.rectangles(facts["shape"][2:], facts["rects"])
    for top, bottom, left, right in facts.get("extra_holes", []):
        mask[:, :, top:bottom, left:right] = 1.0
    return blocks(facts["image_seed"], facts["shape"]), mask


def test_agrees_with_authors(own_arrays):
    arrays = np.load(own_arrays / "rfr.npz")
    shapes = [json.loads(text) for text in arrays["shapes"].tolist()]
    network = Rfr()
    fill_rfr(network, rfr_arrays(zip(arrays["names"].tolist(), shapes, strict=True), 1.15))
    network.eval()
    image = blocks(41003, [1, 3, 96, 160])
    mask = method_recipes.rectangles((96, 160), [[20, 70, 40, 120]])
    ours, attention = predict(network, image, mask)
    assert reference.relative_error(ours[:, :, ::3, ::3], arrays["refined"]) < TOLERANCE
    np.testing.assert_array_equal(attention.argmax(axis=1), arrays["strongest"])


@pytest.mark.slow
@pytest.mark.parametrize("case", ["eval_96x160", "eval_128_b2", "eval_256"])
def test_agrees_with_authors_at_full_size(golden_dir, case):
    arrays = np.load(golden_dir / "torch" / "rfr.npz")
    network = Rfr()
    fill_rfr(network, rfr_arrays(rfr_order(golden_dir), 1.15))
    network.eval()
    features = []
    network.reasoning.attention.register_forward_post_hook(
        lambda _, __, outputs: features.append(outputs[0])
    )
    ours, attention = predict(network, *case_of(golden_dir, case))
    assert reference.relative_error(ours, arrays[f"net/{case}/output"]) < TOLERANCE
    for number, attended in enumerate(features):
        theirs = arrays[f"net/{case}/att{number}_out_c16s4"]
        assert reference.relative_error(attended[:, ::16, ::4, ::4], theirs) < TOLERANCE, number
    strongest = arrays[f"net/{case}/att5_argmax"]
    np.testing.assert_array_equal(attention.argmax(axis=1), strongest)


@pytest.mark.slow
def test_gradients_agree_with_authors(golden_dir, float64):
    """With running statistics; the batch's make gradients ill-conditioned."""
    arrays = np.load(golden_dir / "torch" / "rfr.npz")
    case = "bneval_grad_128_b2"
    network = Rfr()
    names = fill_rfr(network, rfr_arrays(rfr_order(golden_dir), 1.0))
    network.eval()
    image, mask = (paddle.to_tensor(x.astype(np.float64)) for x in case_of(golden_dir, case))
    refined = network(image * (1.0 - mask), mask).refined
    error = (refined - image).abs() / 2.0
    loss = (error * (1.0 - mask)).mean() + 6.0 * (error * mask).mean()
    loss.backward()
    expected = float(arrays[f"net/{case}/loss_valid_plus_6hole"])
    assert float(loss) == pytest.approx(expected, rel=1e-6)
    checked = 0
    for name, parameter in network.named_parameters():
        if f"net/{case}/gradnorm_f64/{names[name]}" not in arrays.files:
            continue
        norm = float(arrays[f"net/{case}/gradnorm_f64/{names[name]}"])
        assert np.linalg.norm(parameter.grad.numpy()) == pytest.approx(norm, rel=1e-6), name
        checked += 1
    assert checked > 50


def test_positions_are_averaged_over_the_recurrences_that_filled_them():
    known = paddle.to_tensor([[0.0, 0.0, 1.0]]).reshape([1, 1, 1, 3])
    later = paddle.to_tensor([[0.0, 1.0, 1.0]]).reshape([1, 1, 1, 3])
    features = [(paddle.full([1, 2, 1, 3], 3.0), known), (paddle.full([1, 2, 1, 3], 5.0), later)]
    expected = np.broadcast_to([0.0, 5.0, 4.0], (1, 2, 1, 3))
    np.testing.assert_allclose(merged(features).numpy(), expected, rtol=1e-6)


def test_two_sizes_in_turn_do_not_meet(rng):
    """What a recurrence remembers belongs to the call."""
    network = build_network("rfr", base_channels=8)
    network.eval()
    image = rng.uniform(-1.0, 1.0, (1, 3, 32, 48)).astype(np.float32)
    mask = np.zeros((1, 1, 32, 48), np.float32)
    mask[:, :, 8:24, 8:40] = 1.0
    first, _ = predict(network, image, mask)
    predict(network, image[:, :, :, :32], mask[:, :, :, :32])
    again, _ = predict(network, image, mask)
    np.testing.assert_array_equal(first, again)


def test_unusable_options_are_explained():
    with pytest.raises(ValueError, match="even"):
        build_network("rfr", base_channels=5)
    with pytest.raises(ValueError, match="recurrences"):
        build_network("rfr", recurrences=0)
