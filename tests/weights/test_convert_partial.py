# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Converting weights of RFR and of U-Nets of partial convolutions."""

import pickle

import numpy as np
import pytest
from partial_recipes import under_their_names

from ppdeepfill.cli import main
from ppdeepfill.errors import WeightsError
from ppdeepfill.networks import build_network
from ppdeepfill.training.state import layer_arrays
from ppdeepfill.weights import convert
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
    arrays = {prefix + name: array for name, array in under_their_names(network).items()}
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
    arrays = under_their_names(network, of_nvidia=of_nvidia)
    arrays["enc_1.conv.mask_conv.weight"] = np.ones([4, 3, 7, 7], np.float32)
    generator = converted(tmp_path, arrays, "partial_conv")
    assert generator.network == "partial_unet"
    assert generator.options == {"base_channels": 4, "levels": 3}
    for name, array in layer_arrays(network).items():
        is_filter = name.endswith("conv.conv.weight")
        factor = np.prod(array.shape[1:]) if is_filter and not of_nvidia else 1.0
        np.testing.assert_allclose(generator.weights[name] * factor, array, rtol=1e-6)


def test_what_is_no_such_network_is_refused(tmp_path):
    arrays = under_their_names(build_network("rfr", base_channels=4))
    with pytest.raises(WeightsError, match="contains no partial_unet"):
        converted(tmp_path, arrays, "partial_conv")
    with pytest.raises(WeightsError, match="weights for rfr, not for glcic"):
        converted(tmp_path, arrays, "rfr", network="glcic")
    del arrays["Tconv.weight"]
    with pytest.raises(WeightsError, match=r"Tconv\.weight is missing"):
        converted(tmp_path, arrays, "rfr")


def test_the_command_lists_what_it_left_out(tmp_path, capsys):
    arrays = under_their_names(build_network("rfr", base_channels=2))
    (tmp_path / "g_5.pth").write_bytes(pickle.dumps(arrays))
    words = ["convert", "--from", "rfr", str(tmp_path / "g_5.pth"), str(tmp_path / "ours")]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "bn1.num_batches_tracked" in said
    assert "left out: training state" in said
    assert "rfr (base_channels 2), iteration 5" in said
