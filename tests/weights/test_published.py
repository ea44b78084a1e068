# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import paddle
import pytest
from safetensors.numpy import save_file

from ppdeepfill.errors import CheckpointError, WeightsError
from ppdeepfill.networks.vgg import Vgg16
from ppdeepfill.training.state import layer_arrays
from ppdeepfill.weights.published import load_vgg16


@pytest.fixture(scope="module")
def arrays():
    return layer_arrays(Vgg16()) | {"classifier.0.weight": np.zeros([2, 2], np.float32)}


def test_vgg16_is_read_from_a_published_file(arrays, tmp_path):
    save_file(arrays, tmp_path / "vgg16.safetensors")
    for name, array in layer_arrays(load_vgg16(tmp_path / "vgg16.safetensors")).items():
        np.testing.assert_array_equal(array, arrays[name])


def test_its_weights_stay_and_gradients_reach_its_input(arrays, tmp_path, rng):
    save_file(arrays, tmp_path / "vgg16.safetensors")
    network = load_vgg16(tmp_path / "vgg16.safetensors")
    image = paddle.to_tensor(rng.normal(size=(1, 3, 16, 16)).astype(np.float32))
    image.stop_gradient = False
    network(image, ["pool3"])["pool3"].sum().backward()
    assert np.abs(image.grad.numpy()).max() > 0
    assert all(parameter.grad is None for parameter in network.parameters())


def test_files_that_do_not_hold_it_are_refused(arrays, tmp_path):
    path = tmp_path / "vgg16.safetensors"
    with pytest.raises(WeightsError, match="there is no such file"):
        load_vgg16(path)
    save_file({k: v for k, v in arrays.items() if k != "features.28.bias"}, path)
    with pytest.raises(CheckpointError, match=r"missing features\.28\.bias"):
        load_vgg16(path)
