# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Completion network and critic of GLCIC against the PyTorch port."""

import method_recipes
import numpy as np
import paddle
import pytest
import reference
from glcic_port import completion_network, fill_critic

from ppdeepfill.networks import build_network
from ppdeepfill.networks.glcic_critic import JointCritic

# Float32 against float64 inside the port: 2e-6 (evaluation), 3e-5 (batch statistics).
TOLERANCE = 1e-4


def predict(network, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """[0, 1] in and out, as in the port."""
    dtype = paddle.get_default_dtype()
    image, mask = paddle.to_tensor(2.0 * image - 1.0, dtype), paddle.to_tensor(mask, dtype)
    with paddle.no_grad():
        refined = network(image * (1.0 - mask), mask).refined
    return (refined.numpy() + 1.0) / 2.0


def test_agrees_with_port(own_arrays):
    arrays = np.load(own_arrays / "glcic.npz")
    network, _ = completion_network(arrays["mean_color"], "relu_norm")
    network.eval()
    ours = predict(network, arrays["image"], arrays["mask"])
    assert reference.relative_error(ours[:, :, ::2, ::2], arrays["refined"]) < TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("case", ["a", "b"])
@pytest.mark.parametrize("order", ["relu_norm", "norm_relu"])
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_agrees_with_port_at_full_size(golden_dir, case, order, mode, request):
    """Batch statistics in float64: they lift Paddle's float32 rounding to 1e-4 of the output."""
    arrays = np.load(golden_dir / "methods" / "glcic" / "completion.npz")
    if mode == "train":
        request.getfixturevalue("float64")
    network, names = completion_network(arrays["mpv"], order)
    getattr(network, mode)()
    ours = predict(network, arrays[f"{case}/image"], arrays[f"{case}/mask_u8"])
    prefix = "" if order == "relu_norm" else "variant_bn_before_relu_"
    assert reference.relative_error(ours, arrays[f"{case}/{prefix}out_{mode}"]) < TOLERANCE
    if mode == "train" and order == "relu_norm":
        state = network.state_dict()
        for ours, theirs in names.items():
            if theirs.endswith("running_mean"):
                expected = arrays[f"{case}/after_train_forward/{theirs}"]
                assert reference.relative_error(state[ours], expected) < TOLERANCE, ours


def test_the_hole_is_filled_with_the_mean_colour(rng):
    network = build_network("glcic", base_channels=2, mean_color=(0.1, 0.5, 0.9))
    network.eval()
    seen = []
    network.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    mask = np.zeros((1, 1, 8, 12))
    mask[:, :, 2:5] = 1.0
    image = rng.random((1, 3, 8, 12))
    predict(network, image, mask)
    np.testing.assert_allclose(seen[0][0, :, 3, 5].numpy(), [0.1, 0.5, 0.9, 1.0], atol=1e-6)
    np.testing.assert_allclose(seen[0][0, :3, 5:].numpy(), image[0, :, 5:], atol=1e-6)


@pytest.mark.slow
def test_critic_agrees_with_port(golden_dir):
    arrays = np.load(golden_dir / "methods" / "glcic" / "discriminator_phases.npz")
    critic = JointCritic((160, 160), (96, 96), global_layers=5, order="relu_norm")
    fill_critic(critic)
    left, top, width, height = arrays["crop_real_xywh"].tolist()
    image = paddle.to_tensor(2.0 * arrays["image"] - 1.0)
    patch = image[:, :, top : top + height, left : left + width]
    for mode in ("eval", "train"):
        getattr(critic, mode)()
        with paddle.no_grad():
            ours = {"ld": critic.local(patch), "gd": critic.whole(image)}
        for name, features in ours.items():
            theirs = arrays[f"celeba/{mode}/{name}"]
            assert reference.relative_error(features, theirs) < TOLERANCE, (mode, name)


@pytest.mark.slow
def test_critic_of_the_paper_agrees_with_port(golden_dir):
    arrays = np.load(golden_dir / "methods" / "glcic" / "discriminator_phases.npz")
    critic = JointCritic((256, 256), (128, 128), order="relu_norm")
    fill_critic(critic)
    critic.eval()
    image = paddle.to_tensor(2.0 * method_recipes.image(7112, "pl", [1, 3, 256, 256]) - 1.0)
    with paddle.no_grad():
        score = critic(image, image[:, :, 32:160, 64:192])
    assert reference.relative_error(score, arrays["places2/eval/logit"]) < TOLERANCE
    probability = paddle.nn.functional.sigmoid(score)
    assert reference.relative_error(probability, arrays["places2/eval/prob"]) < TOLERANCE


def test_the_critic_is_built_for_one_size_which_may_be_any():
    critic = JointCritic((40, 56), (20, 24), 2)
    image, patch = paddle.zeros([2, 3, 40, 56]), paddle.zeros([2, 3, 20, 24])
    assert critic(image, patch).shape == [2, 1]
    with pytest.raises(ValueError, match="built for images of"):
        critic(image, image)


def test_a_width_must_be_even():
    with pytest.raises(ValueError, match="even"):
        build_network("glcic", base_channels=3)
