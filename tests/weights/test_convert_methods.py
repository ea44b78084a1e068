# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Converting weights of the methods around DeepFill v1."""

import json
import pickle

import numpy as np
import paddle
import pytest
from glcic_port import completion_network
from partial_recipes import under_their_names
from reference import relative_error

from ppdeepfill.cli import main
from ppdeepfill.errors import WeightsError
from ppdeepfill.networks import build_network
from ppdeepfill.training.state import layer_arrays
from ppdeepfill.weights import convert
from ppdeepfill.weights.finding import load_generator
from ppdeepfill.weights.generator_file import read_generator


def converted(tmp_path, arrays, origin: str, **options):
    """Through files, under the names of `arrays`."""
    source = tmp_path / "g_1200.pth"
    source.write_bytes(pickle.dumps(arrays))
    convert.convert(source, tmp_path / "ours.safetensors", origin=origin, **options)
    return read_generator(tmp_path / "ours.safetensors")


@pytest.mark.parametrize("prefix", ["", "generator."])
def test_rfr_comes_back_as_it_was(tmp_path, prefix):
    network = build_network("rfr", base_channels=4)
    arrays = {prefix + name: array for name, array in under_their_names(network, "rfr").items()}
    generator = converted(tmp_path, arrays, "rfr")
    assert (generator.network, generator.options) == ("rfr", {"base_channels": 4})
    assert generator.iteration == 1200
    expected = layer_arrays(network)
    assert generator.weights.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(generator.weights[name], array)


@pytest.mark.parametrize("of_nvidia", [True, False], ids=["nvidia", "port"])
def test_names_tell_which_partial_convolution_a_unet_has(tmp_path, of_nvidia):
    network = build_network("partial_unet", base_channels=4, levels=3)
    arrays = under_their_names(network, "nvidia" if of_nvidia else "partial_conv")
    arrays["enc_1.conv.mask_conv.weight"] = np.ones([4, 3, 7, 7], np.float32)
    generator = converted(tmp_path, arrays, "partial_conv")
    assert generator.network == "partial_unet"
    assert generator.options == {"base_channels": 4, "levels": 3}
    for name, array in layer_arrays(network).items():
        is_filter = name.endswith("conv.conv.weight")
        factor = np.prod(array.shape[1:]) if is_filter and not of_nvidia else 1.0
        np.testing.assert_allclose(generator.weights[name] * factor, array, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "found"),
    [
        ("glcic", {"order": "relu_norm"}, {"order": "relu_norm"}),
        ("shift_net", {"levels": 4}, {"levels": 4}),
        ("shift_net", {"levels": 6}, {"levels": 6}),
    ],
)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_glcic_and_shift_net_come_back_as_they_were(tmp_path, name, options, found, prefix):
    network = build_network(name, base_channels=4, **options)
    named = under_their_names(network, name, **options)
    generator = converted(tmp_path, {prefix + key: x for key, x in named.items()}, name)
    assert (generator.network, generator.options) == (name, {"base_channels": 4} | found)
    expected = layer_arrays(network)
    assert generator.weights.keys() == expected.keys()
    for key, array in expected.items():
        np.testing.assert_array_equal(generator.weights[key], array)


def test_names_of_shift_net_are_those_of_the_run(golden_dir):
    facts = json.loads((golden_dir / "methods/shift_net/unet_shift.json").read_text())
    theirs = facts["weights"]["state"]
    named = under_their_names(build_network("shift_net", base_channels=8), "shift_net", levels=8)
    shapes = {name: list(array.shape) for name, array in named.items()}
    assert shapes == {name: fact["shape"] for name, fact in theirs.items()}


def test_a_converted_glcic_fills_as_the_port(tmp_path, own_arrays):
    """Arrays of the port's run, through files and the command."""
    arrays = np.load(own_arrays / "glcic.npz")
    network, names = completion_network(arrays["mean_color"], "relu_norm")
    weights = {names[ours]: array for ours, array in layer_arrays(network).items()}
    (tmp_path / "port.pth").write_bytes(pickle.dumps(weights))
    color = [str(x) for x in arrays["mean_color"].ravel()]
    words = ["convert", "--from", "glcic", str(tmp_path / "port.pth"), str(tmp_path / "ours")]
    assert main([*words, "--mean_color", *color]) == 0
    converted = load_generator(tmp_path / "ours")
    converted.eval()
    image, mask = paddle.to_tensor(2.0 * arrays["image"] - 1.0), paddle.to_tensor(arrays["mask"])
    mask = mask.astype("float32")
    with paddle.no_grad():
        refined = (converted(image * (1.0 - mask), mask).refined + 1.0) / 2.0
    assert relative_error(refined[:, :, ::2, ::2], arrays["refined"]) < 1e-4


def test_only_glcic_has_a_mean_colour(tmp_path):
    arrays = under_their_names(build_network("rfr", base_channels=4), "rfr")
    with pytest.raises(WeightsError, match="only GLCIC has a mean colour"):
        converted(tmp_path, arrays, "rfr", mean_color=(0.5, 0.5, 0.5))


def test_what_is_no_such_network_is_refused(tmp_path):
    arrays = under_their_names(build_network("rfr", base_channels=4), "rfr")
    with pytest.raises(WeightsError, match="contains no partial_unet"):
        converted(tmp_path, arrays, "partial_conv")
    with pytest.raises(WeightsError, match="weights for rfr, not for glcic"):
        converted(tmp_path, arrays, "rfr", network="glcic")
    del arrays["Tconv.weight"]
    with pytest.raises(WeightsError, match=r"Tconv\.weight is missing"):
        converted(tmp_path, arrays, "rfr")


def test_the_command_lists_what_it_left_out(tmp_path, capsys):
    arrays = under_their_names(build_network("rfr", base_channels=2), "rfr")
    (tmp_path / "g_5.pth").write_bytes(pickle.dumps(arrays))
    words = ["convert", "--from", "rfr", str(tmp_path / "g_5.pth"), str(tmp_path / "ours")]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "bn1.num_batches_tracked" in said
    assert "left out: training state" in said
    assert "rfr (base_channels 2), iteration 5" in said
