# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What every network of the zoo must do."""

import numpy as np
import paddle
import pytest
from paddle import inference
from paddle.static import InputSpec
from small_run import SMALL_NETWORKS

from ppdeepfill.networks import (
    Prediction,
    build_network,
    complete,
    size_multiple_of,
)
from ppdeepfill.networks.attention.choice import ATTENTIONS

CASES = {name: (name, options) for name, options in SMALL_NETWORKS.items()} | {
    f"deepfill_v1, {attention}": ("deepfill_v1", {"base_channels": 4, "attention": attention})
    for attention in ATTENTIONS
    if attention != "contextual"  # which deepfill_v1 has anyway
}

UNBOUNDED = {"Rfr", "PartialUNet"}  # end in a convolution; pictures of theirs are clipped


@pytest.fixture(params=list(CASES))
def network(request):
    name, options = CASES[request.param]
    network = build_network(name, **options)
    network.eval()
    return network


def make_input(rng, batch: int, height: int, width: int) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Images in [-1, 1] and a different rectangular hole in each."""
    image = rng.uniform(-1.0, 1.0, (batch, 3, height, width)).astype(np.float32)
    mask = np.zeros((batch, 1, height, width), np.float32)
    for sample in mask:
        top, left = rng.integers(0, height // 2), rng.integers(0, width // 2)
        sample[:, top : top + height // 3, left : left + width // 3] = 1.0
    return paddle.to_tensor(image), paddle.to_tensor(mask)


def predict(network, image, mask) -> Prediction:
    with paddle.no_grad():
        return network(image * (1.0 - mask), mask)


def test_batch_equals_singles(network, rng):
    image, mask = make_input(rng, 3, 32, 48)
    together = predict(network, image, mask)
    for i in range(3):
        alone = predict(network, image[i : i + 1], mask[i : i + 1])
        for one, other in zip(together, alone, strict=True):
            if one is not None:
                np.testing.assert_allclose(one[i : i + 1].numpy(), other.numpy(), atol=2e-5)


@pytest.mark.parametrize("rows, columns", [(1, 1), (2, 6), (5, 3)])
def test_sizes(network, rng, rows, columns):
    multiple = max(8, size_multiple_of(network))
    height, width = rows * multiple, columns * multiple
    prediction = predict(network, *make_input(rng, 2, height, width))
    for stage in (prediction.coarse, prediction.refined):
        if stage is not None:
            assert stage.shape == [2, 3, height, width]
            assert np.isfinite(stage.numpy()).all()
            assert type(network).__name__ in UNBOUNDED or float(stage.abs().max()) <= 1.0
    if prediction.attention is not None:
        assert prediction.attention.shape == [2, height * width // 64, height // 8, width // 8]


def test_completed_ignores_what_the_hole_hides(network, rng):
    image, mask = make_input(rng, 2, 32, 32)
    other = image * (1.0 - mask) + 0.7 * mask
    first = complete(predict(network, image, mask).refined, image, mask)
    second = complete(predict(network, other, mask).refined, other, mask)
    np.testing.assert_array_equal(first.numpy(), second.numpy())


def test_completed_equals_image_outside_the_hole(network, rng):
    image, mask = make_input(rng, 2, 32, 32)
    completed = complete(predict(network, image, mask).refined, image, mask)
    known = np.broadcast_to(mask.numpy() == 0.0, image.shape)
    np.testing.assert_array_equal(completed.numpy()[known], image.numpy()[known])


def test_gradients_reach_every_parameter(network, rng):
    image, mask = make_input(rng, 2, 32, 32)
    prediction = network(image * (1.0 - mask), mask)
    loss = sum((stage - image).abs().mean() for stage in prediction[:2] if stage is not None)
    loss.backward()
    for name, parameter in network.named_parameters():
        if parameter.stop_gradient:  # statistics of a batch normalisation
            continue
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().max()) > 0.0, name


def test_an_exported_graph_equals_dygraph_with_onednn_and_without(network, rng, tmp_path):
    specs = [InputSpec([None, channels, None, None]) for channels in (3, 1)]
    static = paddle.jit.to_static(network, input_spec=specs, full_graph=True)
    paddle.jit.save(static, str(tmp_path / "network"))
    loaded, with_onednn = paddle.jit.load(str(tmp_path / "network")), predictor_of(tmp_path)
    multiple = size_multiple_of(network)
    for batch, rows, columns in ((1, 4, 4), (3, 3, 5), (2, 1, 1)):
        image, mask = make_input(rng, batch, rows * multiple, columns * multiple)
        masked = image * (1.0 - mask)
        ours = [x for x in predict(network, image, mask) if x is not None]
        exported = loaded(masked, mask)
        if isinstance(exported, paddle.Tensor):  # of a single output, no list
            exported = [exported]
        for one, other in zip(exported, ours, strict=True):
            assert one.shape == other.shape
            np.testing.assert_allclose(one.numpy(), other.numpy(), atol=2e-5)
        for name, tensor in zip(with_onednn.get_input_names(), (masked, mask), strict=True):
            with_onednn.get_input_handle(name).copy_from_cpu(tensor.numpy())
        with_onednn.run()
        for name, expected in zip(with_onednn.get_output_names(), ours, strict=True):
            output = with_onednn.get_output_handle(name).copy_to_cpu()
            np.testing.assert_allclose(output, expected.numpy(), atol=1e-4)


def predictor_of(folder) -> inference.Predictor:
    """A saved graph through Paddle Inference with oneDNN."""
    program = next(p for p in folder.iterdir() if p.suffix in (".json", ".pdmodel"))
    config = inference.Config(str(program), str(folder / "network.pdiparams"))
    config.enable_mkldnn()
    config.disable_glog_info()
    return inference.create_predictor(config)


def test_hooks_see_every_layer(network, rng):
    """Also where compiled graphs would skip the layers' own calls."""
    image, mask = make_input(rng, 1, 128, 128)
    expected, called = predict(network, image, mask).refined, set()
    layers = {
        name: layer
        for name, layer in network.named_sublayers()
        if not isinstance(layer, paddle.nn.LayerList)  # holds layers, is not called
    }
    for name, layer in layers.items():
        layer.register_forward_post_hook(lambda *_, name=name: called.add(name))
    ours = predict(network, image, mask).refined
    assert called == layers.keys()
    np.testing.assert_allclose(ours.numpy(), expected.numpy(), atol=2e-5)


def test_a_summary_counts_every_parameter(network, capsys):
    counted = paddle.summary(network, [(1, 3, 32, 32), (1, 1, 32, 32)])
    assert counted["total_params"] == sum(p.size for p in network.parameters())


@pytest.mark.slow
@pytest.mark.skipif(paddle.__version__ < "3", reason="traces less")
def test_to_static_with_its_defaults_equals_dygraph(network, rng):
    image, mask = make_input(rng, 2, 32, 48)
    results = []
    for layer in (network, paddle.jit.to_static(network)):
        prediction = layer(image * (1.0 - mask), mask)
        refined = prediction[0]  # of a plain tuple, where all of it was traced
        (refined - image).square().mean().backward()
        gradients = {n: p.grad.numpy() for n, p in network.named_parameters() if p.grad is not None}
        results.append((refined, gradients))
        network.clear_gradients(set_to_zero=False)
    (expected, expected_gradients), (ours, gradients) = results
    np.testing.assert_allclose(ours.numpy(), expected.numpy(), atol=2e-5)
    for name, gradient in expected_gradients.items():
        np.testing.assert_allclose(gradients[name], gradient, atol=1e-4 * np.abs(gradient).max())


def test_same_seed_same_weights(request):
    for name, options in CASES.values():
        states = []
        for _ in range(2):
            paddle.seed(7)
            states.append(build_network(name, **options).state_dict())
        for key, value in states[0].items():
            np.testing.assert_array_equal(value.numpy(), states[1][key].numpy())


def test_unknown_names_are_explained():
    with pytest.raises(ValueError, match="known networks: deepfill_v1"):
        build_network("deepfill")
    with pytest.raises(ValueError, match="base_channels"):
        build_network("deepfill_v1", channels=3)
    with pytest.raises(ValueError, match="even"):
        build_network("deepfill_v1", base_channels=5)


@pytest.mark.parametrize(
    "image_shape, mask_shape, words",
    [
        ([1, 3, 30, 32], [1, 1, 30, 32], "multiples of {multiple}; got"),
        ([1, 3, 32, 32], [1, 1, 16, 16], "same size"),
        ([1, 4, 32, 32], [1, 1, 32, 32], "same size"),
    ],
)
def test_unusable_input_is_explained(network, image_shape, mask_shape, words):
    with pytest.raises(ValueError, match=words.format(multiple=size_multiple_of(network))):
        network(paddle.zeros(image_shape), paddle.zeros(mask_shape))
