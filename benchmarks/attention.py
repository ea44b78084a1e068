# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Rows: the contextual attention alone, on the features of one image."""

import functools

from benchmarks.memory import require_memory
from benchmarks.row import Call, Row

CHANNELS = 128
SIZES = {"256": (256, 256), "512": (512, 512)}


def rows() -> list[Row]:
    return [
        Row(
            f"attention/{what}/{name}",
            functools.partial(prepare, size),
            functools.partial(_flops, size, passes),
            quick=name == "256",
        )
        for what, prepare, passes in (("forward", _forward, 1), ("forward_backward", _both, 3))
        for name, size in SIZES.items()
    ]


def _flops(size: tuple[int, int], passes: int) -> int:
    """Each product has two factors, and so two products in its backward pass."""
    from ppdeepfill.reproduction.counters import attention_flops

    positions = (size[0] // 8) * (size[1] // 8)
    return passes * attention_flops(CHANNELS, positions, positions)


def _forward(size: tuple[int, int]) -> Call:
    import paddle

    features, mask = _features(size)
    paddle.set_grad_enabled(False)
    return functools.partial(_attention(), features, features, mask)


def _both(size: tuple[int, int]) -> Call:
    features, mask = _features(size)
    features.stop_gradient = False
    attention = _attention()

    def call() -> None:
        rebuilt = attention(features, features, mask).features
        rebuilt.sum().backward()
        features.clear_gradient()

    require_memory((2 * size[0], size[1]))  # the backward pass keeps about as much again
    return call


def _attention():
    from ppdeepfill.networks import ContextualAttention

    return ContextualAttention()


def _features(size: tuple[int, int]):
    """Return features [1, C, H / 4, W / 4], as after a ReLU, and a mask with a quarter as hole."""
    import paddle

    require_memory(size)
    height, width = size[0] // 4, size[1] // 4
    features = paddle.nn.functional.relu(paddle.randn([1, CHANNELS, height, width]))
    mask = paddle.zeros([1, 1, height, width])
    mask[:, :, height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = 1.0
    return features, mask
