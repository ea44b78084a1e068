# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Shift operation, U-Net and patch critic against the authors' codes."""

import method_recipes
import numpy as np
import paddle
import pytest
import reference
from shift_net_authors import fill_shift_net

from ppdeepfill.networks import build_network
from ppdeepfill.networks.patch_critic import PatchCritic
from ppdeepfill.networks.shift import shift
from ppdeepfill.networks.shift_net import ShiftNet

TOLERANCE = 1e-4


def sources(offsets: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Flat index of the position that each hole position took over, -1 elsewhere: [B, h, w]."""
    height, width = hole.shape[2:]
    rows, columns = np.mgrid[:height, :width]
    flat = (rows + offsets[:, 0]) * width + columns + offsets[:, 1]
    return np.where(hole[:, 0] > 0, flat, -1)


@pytest.mark.parametrize(
    "case", ["center", "b2_diffplace", "triple_w", "relu_zero", "ties", "border"]
)
def test_shift_agrees_with_authors(golden_dir, case):
    arrays = np.load(golden_dir / "methods" / "shift_net" / "shift_op.npz")
    theirs = {n.split("/")[1]: arrays[n] for n in arrays.files if n.startswith(f"{case}/")}
    batch, channels, height, width = theirs["shifted"].shape
    shape = [batch, 2 * channels, height, width]
    x = theirs.get("x", method_recipes.symmetric(7200, f"x_{case}", shape))
    weights = method_recipes.symmetric(7200, f"R_{case}", [batch, 3 * channels, height, width])
    hole = method_recipes.rectangles((8 * height, 8 * width), theirs["mask_rects_tblr"])
    hole = hole[:, :, ::8, ::8]
    np.testing.assert_array_equal(hole[:, 0], theirs["flag_u8"])

    x = paddle.to_tensor(x, stop_gradient=False)
    shifted, offsets = shift(x[:, :channels], x[:, channels:], paddle.to_tensor(hole))
    certain = theirs["cos_margin"] > 1e-5
    ours = sources(offsets.numpy(), hole)
    np.testing.assert_array_equal(ours[certain], theirs["source_index"][certain])
    if case == "relu_zero":  # two flips between float32 and float64 of the authors' own code
        return
    np.testing.assert_array_equal(shifted.numpy(), theirs["shifted"])
    weight = 0.25 if case == "triple_w" else 1.0  # of the shifted features' gradient
    (paddle.concat([x, weight * shifted], axis=1) * paddle.to_tensor(weights)).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), theirs["grad_x"], atol=1e-6)


def random_features(rng, *shape) -> paddle.Tensor:
    return paddle.to_tensor(rng.normal(size=shape).astype(np.float32))


def test_holes_of_different_sizes_in_one_batch(rng):
    decoder, encoder = (random_features(rng, 3, 5, 6, 7) for _ in range(2))
    hole = np.zeros((3, 1, 6, 7), np.float32)
    hole[0, :, 1:3, 2:4] = 1.0
    hole[1, :, :, :5] = 1.0
    hole = paddle.to_tensor(hole)
    together = shift(decoder, encoder, hole)
    for i in range(3):
        alone = shift(decoder[i : i + 1], encoder[i : i + 1], hole[i : i + 1])
        for one, other in zip(together, alone, strict=True):
            np.testing.assert_array_equal(one[i : i + 1].numpy(), other.numpy())


def test_without_a_hole_and_all_hole_nothing_is_taken(rng):
    decoder, encoder = (random_features(rng, 2, 3, 4, 5) for _ in range(2))
    encoder.stop_gradient = False
    hole = paddle.concat([paddle.zeros([1, 1, 4, 5]), paddle.ones([1, 1, 4, 5])])
    shifted, offsets = shift(decoder, encoder, hole)
    shifted.sum().backward()
    for result in (shifted, offsets, encoder.grad):
        assert not result.numpy().any()


def test_zero_vectors_are_like_nothing(rng):
    decoder, encoder = (random_features(rng, 1, 4, 4, 4) for _ in range(2))
    hole = np.zeros((1, 1, 4, 4), np.float32)
    hole[0, 0, 2, 1:3] = 1.0
    decoder[0, :, 2, 1] = 0.0  # asks with nothing: the first known position
    encoder[0, :, 0, 1] = 0.0  # answers with nothing: never better than a similar one
    shifted, _ = shift(decoder, encoder, paddle.to_tensor(hole))
    assert np.isfinite(shifted.numpy()).all()
    np.testing.assert_array_equal(shifted[0, :, 2, 1].numpy(), encoder[0, :, 0, 0].numpy())
    assert shifted[0, :, 2, 2].abs().sum() > 0.0


@pytest.mark.slow
def test_network_agrees_with_authors(golden_dir):
    arrays = np.load(golden_dir / "methods" / "shift_net" / "unet_shift.npz")
    network = ShiftNet(8)
    fill_shift_net(network)
    image = 2.0 * method_recipes.image(7205, "unet", [1, 3, 256, 256]) - 1.0
    image = paddle.to_tensor(image)
    mask = paddle.to_tensor(method_recipes.rectangles((256, 256), [arrays["hole_tblr"]]))
    with paddle.no_grad():
        prediction, decoder = network.with_features(image * (1.0 - mask), mask)
        encoder = network.encoder_features(image * (1.0 - mask), mask)
        true = network.encoder_features(image, mask)
        on_truth = network(image, mask).refined
    features = paddle.concat([decoder, encoder], axis=1)
    assert reference.relative_error(prediction.refined, arrays["output"]) < TOLERANCE
    assert reference.relative_error(features, arrays["shift_in"]) < TOLERANCE
    assert reference.relative_error(true, arrays["guidance_target"]) < TOLERANCE
    on_truth = on_truth[:, :, ::2, ::2]
    assert reference.relative_error(on_truth, arrays["output_on_gt_strided2"]) < TOLERANCE


def test_levels_reach_below_the_shift():
    with pytest.raises(ValueError, match="levels"):
        build_network("shift_net", levels=3)
    assert build_network("shift_net", base_channels=2, levels=5).size_multiple == 32


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "shape"), [("d128", [2, 3, 128, 128]), ("d96x160", [1, 3, 96, 160])]
)
def test_patch_critic_agrees_with_authors(golden_dir, float64, case, shape):
    arrays = np.load(golden_dir / "methods" / "semantic_guidance" / "patchgan.npz")
    critic = PatchCritic()
    modules = {f"features.{3 * layer}": f"model.{3 * layer}" for layer in range(4)}
    modules |= {"to_score": "model.13"}
    names = method_recipes.fill(critic, modules, seed=7701, gain=1.4142135, bias=0.1)
    image = 2.0 * method_recipes.image(7700, case, shape) - 1.0
    image = paddle.to_tensor(image.astype(np.float64))
    image.stop_gradient = False
    score = critic(image)
    score.square().mean().backward()
    assert reference.relative_error(score, arrays[f"{case}/scores"]) < TOLERANCE
    for name, parameter in critic.named_parameters():
        if name.endswith("bias"):  # before a normalisation: no gradient but noise
            continue
        norm = float(arrays[f"{case}/gradnorm_f64/{names[name]}"])
        assert np.linalg.norm(parameter.grad.numpy()) == pytest.approx(norm, rel=1e-6), name
    # Kept in float32, in which leaky ReLUs near 0 fall on either side.
    gradient = image.grad[:, :, ::2, ::2]
    assert reference.relative_error(gradient, arrays[f"{case}/grad_x_strided2"]) < 1e-2
