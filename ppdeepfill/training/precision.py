# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Mixed precision: the convolutions of a training compute in 16 bits, all else in float32.

Weights, optimizer, losses and gradients between the layers stay float32. The attention and the
gradient penalty leave the 16 bits altogether: each switches them off where it is called.
"""

from contextlib import AbstractContextManager, nullcontext

import paddle

from ppdeepfill.errors import ConfigError
from ppdeepfill.training.loss_scale import LossScale

TYPES = {"bf16": "bfloat16", "fp16": "float16"}
CONVOLUTIONS = {"conv2d", "conv2d_transpose"}


def check_precision(precision: str) -> None:
    """Refuse a precision that the present device has not, where Paddle would fall back silently.

    Raises:
        ConfigError: no such arithmetic on this device.
    """
    if precision not in TYPES:
        return
    device = paddle.device.get_device()
    supported = getattr(paddle.amp, f"is_{TYPES[precision]}_supported")
    if device == "cpu" or not supported():  # a CPU has bfloat16, but Paddle's auto_cast not there
        raise ConfigError(
            f"precision {precision} needs a GPU that computes in it (fp16: NVIDIA compute "
            f"capability 7.0 or higher, bf16: 8.0), and the device is {device}; "
            "set precision: fp32, or another device"
        )


def computing_in(precision: str) -> AbstractContextManager[None]:
    """While entered, convolutions compute in `precision`: fp32, bf16 or fp16."""
    if precision not in TYPES:
        return nullcontext()
    dtype = TYPES[precision]
    # Paddle would take matrix products too. Beside the attention's, the only one is a critic's
    # score, and losses are small differences of scores.
    others = paddle.amp.white_list()[dtype]["O1"] - CONVOLUTIONS
    return paddle.amp.auto_cast(
        custom_white_list=CONVOLUTIONS, custom_black_list=others, level="O1", dtype=dtype
    )


def loss_scale(precision: str) -> LossScale:
    """The scale for losses in `precision`: 1 but for fp16, whose range is narrow."""
    return LossScale(2.0**16, largest=2.0**24) if precision == "fp16" else LossScale()
