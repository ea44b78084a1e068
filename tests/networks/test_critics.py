# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The critics, above all their second derivative, on which the gradient penalty rests."""

import numpy as np
import paddle
import pytest
from paddle import nn

from ppdeepfill.networks.critics import Critics, GlobalCritic, LocalCritic
from ppdeepfill.objectives.gradient_penalty import gradient_penalty


@pytest.fixture
def float64():
    paddle.set_default_dtype("float64")
    yield
    paddle.set_default_dtype("float32")


@pytest.mark.parametrize("reference", ["tensorflow", "torch"])
def test_double_gradient_equals_finite_differences(float64, rng, reference):
    critic = GlobalCritic((16, 24), 2, reference=reference)
    for parameter in critic.parameters():
        parameter.set_value(rng.normal(0.0, 0.3, parameter.shape))
    real, fake = (paddle.to_tensor(rng.uniform(-1, 1, (2, 3, 16, 24))) for _ in range(2))
    mix = paddle.to_tensor(rng.uniform(0, 1, (2, 1, 1, 1)))
    region = paddle.to_tensor((rng.uniform(0, 1, (2, 1, 16, 24)) > 0.5).astype("float64"))

    def penalty() -> paddle.Tensor:
        return gradient_penalty(critic, real, fake, mix, region)

    penalty().backward()
    step = 1e-6
    for name, parameter in critic.named_parameters():
        value = parameter.numpy()
        # The slope is piecewise constant in the biases: some get no gradient at all.
        gradient = np.zeros_like(value) if parameter.grad is None else parameter.grad.numpy()
        for index in rng.choice(value.size, min(4, value.size), replace=False):
            position = np.unravel_index(index, value.shape)
            around = []
            for sign in (1.0, -1.0):
                moved = value.copy()
                moved[position] += sign * step
                parameter.set_value(moved)
                around.append(float(penalty()))
            parameter.set_value(value)
            difference = (around[0] - around[1]) / (2.0 * step)
            assert gradient[position] == pytest.approx(difference, rel=1e-5, abs=1e-8), name


def test_penalty_is_one_and_finite_where_the_critic_is_flat():
    critic = GlobalCritic((16, 16), 2)
    for parameter in critic.parameters():
        parameter.set_value(np.zeros(parameter.shape, np.float32))
    image = paddle.zeros([2, 3, 16, 16])
    penalty = gradient_penalty(
        critic, image, image, paddle.zeros([2, 1, 1, 1]), paddle.ones([2, 1, 16, 16])
    )
    penalty.backward()
    assert float(penalty) == 1.0
    for parameter in critic.parameters():
        assert parameter.grad is None or np.isfinite(parameter.grad.numpy()).all()


@pytest.mark.parametrize("size", [(128, 128), (20, 12), (33, 47)])
@pytest.mark.parametrize("reference", ["tensorflow", "torch"])
def test_any_size_scores(size, reference):
    critic = LocalCritic(size, 2, reference=reference)
    assert critic(paddle.zeros([2, 3, *size])).shape == [2, 1]


def test_batch_equals_singles(rng):
    critic = GlobalCritic((32, 32), 4)
    images = paddle.to_tensor(rng.uniform(-1, 1, (3, 3, 32, 32)).astype(np.float32))
    together = critic(images).numpy()
    alone = [critic(images[i : i + 1]).numpy() for i in range(3)]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-6)


def test_paddles_tools_see_every_layer(rng):
    critic = GlobalCritic((64, 64), 16)
    counted = paddle.summary(critic, (4, 3, 64, 64))
    assert counted["total_params"] == sum(p.size for p in critic.parameters())
    images = paddle.to_tensor(rng.uniform(-1, 1, (4, 3, 64, 64)).astype(np.float32))
    expected = critic(images)
    if paddle.__version__ >= "3":
        static = paddle.jit.to_static(critic)(images)
        np.testing.assert_allclose(static.numpy(), expected.numpy(), atol=1e-5)


def test_the_penalty_reaches_weights_that_hooks_make(rng):
    critic = GlobalCritic((64, 64), 4)
    real, fake = (paddle.to_tensor(rng.uniform(-1, 1, [2, 3, 64, 64]), "float32") for _ in range(2))
    arguments = real, fake, paddle.full([2, 1, 1, 1], 0.3), paddle.ones([2, 1, 64, 64])
    expected = gradient_penalty(critic, *arguments)
    expected.backward()
    first = critic.convolutions[0].conv
    direction = first.weight.grad.numpy()
    nn.utils.weight_norm(first)
    ours = gradient_penalty(critic, *arguments)
    ours.backward()
    assert float(ours) == pytest.approx(float(expected), rel=1e-5)
    along = (direction * first.weight_v.numpy()).sum((1, 2, 3)) / first.weight_g.numpy()
    np.testing.assert_allclose(first.weight_g.grad.numpy(), along, rtol=1e-3, atol=1e-6)


def test_widths_follow_the_reference():
    widths = {
        reference: [
            conv.weight.shape[0] for conv in (block.conv for block in critics.local.convolutions)
        ]
        for reference in ("tensorflow", "torch")
        for critics in [Critics((32, 32), (16, 16), 64, reference=reference)]
    }
    assert widths == {"tensorflow": [64, 128, 256, 512], "torch": [64, 128, 256, 256]}


def test_wrong_size_is_explained():
    with pytest.raises(ValueError, match=r"built for images of \(32, 32\)"):
        GlobalCritic((32, 32), 2)(paddle.zeros([1, 3, 16, 16]))
