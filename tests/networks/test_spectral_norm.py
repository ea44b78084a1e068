# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Spectral normalisation against the authors' library."""

import numpy as np
import paddle
import reference

from ppdeepfill.networks.spectral_norm import SpectralConv2D

TOLERANCE = 1e-6


def test_agrees_with_authors(golden_dir, float64):
    arrays = np.load(golden_dir / "methods" / "gan_losses" / "gan_losses.npz")

    def ours(name: str) -> paddle.Tensor:
        """Filters OIHW; theirs HWIO."""
        array = arrays[f"sn/{name}"].astype(np.float64)
        return paddle.to_tensor(array.transpose(3, 2, 0, 1) if array.ndim == 4 else array)

    layer = SpectralConv2D(3, 8, 5)
    layer.weight.set_value(ours("kernel_hwio"))
    layer.u.set_value(ours("u0"))
    for call in (1, 2, 3):
        normalised = layer.normalised_weight()
        if call == 1:
            (normalised * ours("R")).sum().backward()
        assert reference.relative_error(normalised, ours(f"normed{call}").numpy()) < TOLERANCE
        assert reference.relative_error(layer.u, arrays[f"sn/u{call}"]) < TOLERANCE
    theirs = ours("grad_kernel_first_call").numpy()
    assert reference.relative_error(layer.weight.grad, theirs) < TOLERANCE


def test_weights_come_to_have_norm_1():
    layer = SpectralConv2D(3, 8, 4)
    for _ in range(50):
        weight = layer.normalised_weight()
    singular = np.linalg.svd(weight.numpy().reshape(8, -1), compute_uv=False)
    assert abs(singular[0] - 1.0) < 1e-2


def test_weights_of_zero_stay_zero_and_have_a_gradient():
    layer = SpectralConv2D(3, 8, 4)
    layer.weight.set_value(paddle.zeros_like(layer.weight))
    for _ in range(2):
        weight = layer.normalised_weight()
        assert (weight.numpy() == 0).all()
        weight.sum().backward()
        assert np.isfinite(layer.weight.grad.numpy()).all()


def test_a_later_call_leaves_an_earlier_graph_alone(rng):
    image = paddle.to_tensor(rng.normal(size=(1, 3, 8, 8)).astype(np.float32))
    gradients = []
    for calls in (0, 3):
        paddle.seed(1)
        layer = SpectralConv2D(3, 4, 3)
        loss = layer(image).square().sum()
        for _ in range(calls):
            layer.normalised_weight()
        loss.backward()
        gradients.append(layer.weight.grad.numpy())
    np.testing.assert_array_equal(*gradients)


def test_the_estimate_is_saved():
    assert set(SpectralConv2D(3, 4, 3).state_dict()) == {"weight", "bias", "u"}
