# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The U-Net of partial convolutions against the port, and what it must do in any case."""

import json

import method_recipes
import numpy as np
import paddle
import pytest
import reference
from partial_recipes import fill_partial_unet

from ppdeepfill.networks import build_network
from ppdeepfill.networks.partial_unet import PartialUNet
from ppdeepfill.networks.vgg import normalised

# Float32 against float64 inside the port: 3e-6 of the largest output.
TOLERANCE = 1e-4
RECTS = [[30, 90, 40, 100], [20, 80, 0, 60]]


def predict(network, image: np.ndarray, mask: np.ndarray) -> paddle.Tensor:
    """[0, 1] in, out with the mean and deviation of ImageNet, as in the port."""
    image, mask = paddle.to_tensor(2.0 * image - 1.0), paddle.to_tensor(mask)
    with paddle.no_grad():
        return normalised(network(image * (1.0 - mask), mask).refined)


def test_agrees_with_port(own_arrays):
    arrays = np.load(own_arrays / "partial_unet.npz")
    network = PartialUNet(levels=5)
    fill_partial_unet(network)
    network.eval()
    image = method_recipes.image(7406, "u128", [2, 3, 128, 128])
    ours = predict(network, image, method_recipes.rectangles((128, 128), RECTS))
    assert reference.relative_error(ours[:, :, ::4, ::4], arrays["refined"]) < TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("case", ["u128_eval", "u256_eval"])
def test_agrees_with_port_at_full_size(golden_dir, case):
    folder = golden_dir / "methods" / "partial_conv"
    arrays = np.load(folder / "unet.npz")
    facts = json.loads((folder / "unet.json").read_text())[case]
    network = PartialUNet(levels=facts["layer_size"])
    fill_partial_unet(network)
    network.eval()
    shape = arrays[f"{case}/output"].shape
    image = method_recipes.image(7406, case.removesuffix("_eval"), shape)
    after = []
    network.decoder[0].register_forward_post_hook(lambda _, __, outputs: after.append(outputs[1]))
    ours = predict(network, image, method_recipes.rectangles(shape[2:], facts["rects"]))
    assert reference.relative_error(ours, arrays[f"{case}/output"]) < TOLERANCE
    np.testing.assert_array_equal(after[0].numpy(), arrays[f"{case}/out_mask_u8"])


def test_what_the_hole_hides_does_not_reach_the_result(rng):
    network = build_network("partial_unet", base_channels=4, levels=3)
    network.eval()
    image = rng.uniform(-1.0, 1.0, (1, 3, 32, 40)).astype(np.float32)
    mask = np.zeros((1, 1, 32, 40), np.float32)
    mask[:, :, 4:28, 6:30] = 1.0
    mask = paddle.to_tensor(mask)
    with paddle.no_grad():
        shown, hidden = (
            network(paddle.to_tensor(x), mask).refined
            for x in (image, image * (1.0 - mask.numpy()))
        )
    np.testing.assert_array_equal(shown.numpy(), hidden.numpy())


def test_levels_decide_the_size_of_images():
    assert build_network("partial_unet", base_channels=2, levels=4).size_multiple == 16
    with pytest.raises(ValueError, match="levels"):
        build_network("partial_unet", levels=0)
