# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import paddle
import pytest
from paddle.vision.models import vgg16

from ppdeepfill.networks.vgg import Vgg16, normalised


@pytest.fixture(scope="module")
def published():
    """Paddle's own VGG-16, in which torchvision's numbers and names hold too."""
    return vgg16(pretrained=False, num_classes=0, with_pool=False).eval()


@pytest.fixture(scope="module")
def network(published):
    network = Vgg16()
    network.set_state_dict(published.state_dict())
    return network.eval()


@pytest.fixture
def image(rng):
    return paddle.to_tensor(rng.normal(size=(2, 3, 40, 32)).astype(np.float32))


def test_names_and_shapes_are_those_of_the_published_weights(network, published):
    expected = {name: x.shape for name, x in published.state_dict().items()}
    assert {name: x.shape for name, x in network.state_dict().items()} == expected


def test_each_name_is_that_layer_of_the_published_network(network, published, image):
    numbers = {"relu1_2": 3, "pool1": 4, "pool2": 9, "relu3_3": 15, "pool3": 16, "relu5_3": 29}
    with paddle.no_grad():
        features = network(image, numbers)
        assert list(features) == list(numbers)
        for name, number in numbers.items():
            expected = published.features[: number + 1](image).numpy()
            np.testing.assert_allclose(features[name].numpy(), expected, rtol=1e-5, atol=1e-5)
    assert features["pool3"].shape == [2, 256, 5, 4]


def test_nothing_is_computed_after_the_last_one_wanted(network, image):
    computed = []
    hooks = [
        layer.register_forward_post_hook(lambda *_, name=name: computed.append(name))
        for name, layer in zip(network.names, network.features, strict=True)
    ]
    with paddle.no_grad():
        assert list(network(image, ["pool1", "relu1_1"])) == ["relu1_1", "pool1"]
    for hook in hooks:
        hook.remove()
    assert computed == ["conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1"]


def test_an_unknown_layer_is_refused_with_the_known_ones(network, image):
    with pytest.raises(ValueError, match=r"no \['relu6_1'\]; it has conv1_1, .* pool5"):
        network(image, ["pool1", "relu6_1"])


def test_normalised_is_the_normalisation_of_imagenet(rng):
    pixels = rng.uniform(0, 1, [2, 3, 4, 5]).astype(np.float32)
    mean = np.array([0.485, 0.456, 0.406]).reshape(3, 1, 1)
    deviation = np.array([0.229, 0.224, 0.225]).reshape(3, 1, 1)
    found = normalised(paddle.to_tensor(pixels * 2 - 1)).numpy()
    np.testing.assert_allclose(found, (pixels - mean) / deviation, atol=1e-5)
