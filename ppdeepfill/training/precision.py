# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Mixed precision: convolutions compute in 16 bits during training, everything else in float32.

Weights, optimizer, losses and gradients between the layers stay float32. The attention and the
gradient penalty use no 16-bit arithmetic: each switches it off where it is called. In fp16, a
factor on the loss keeps gradients within range.
"""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import paddle
from paddle import Tensor

from ppdeepfill.errors import ConfigError
from ppdeepfill.training.guard import all_finite

TYPES = {"bf16": "bfloat16", "fp16": "float16"}
CONVOLUTIONS = {"conv2d", "conv2d_transpose"}

logger = logging.getLogger(__name__)


def check_precision(precision: str) -> None:
    """Refuse a precision that the current device lacks; Paddle would silently fall back.

    Raises:
        ConfigError: the device does not support this precision.
    """
    if precision not in TYPES:
        return
    device = paddle.device.get_device()
    supported = getattr(paddle.amp, f"is_{TYPES[precision]}_supported")
    if device == "cpu" or not supported():  # CPUs have bfloat16, but Paddle has no auto_cast there
        raise ConfigError(
            f"precision {precision} needs a GPU that supports it (fp16: NVIDIA compute "
            f"capability 7.0 or higher, bf16: 8.0), but the device is {device}; "
            "set precision: fp32, or another device"
        )


def computing_in(precision: str) -> AbstractContextManager[None]:
    """Return a context in which convolutions compute in `precision`: fp32, bf16 or fp16."""
    if precision not in TYPES:
        return nullcontext()
    dtype = TYPES[precision]
    # By default, Paddle would include matrix products. Apart from the attention's, the only one is
    # a critic's score, and losses are small differences of scores.
    others = paddle.amp.white_list()[dtype]["O1"] - CONVOLUTIONS
    return paddle.amp.auto_cast(
        custom_white_list=CONVOLUTIONS, custom_black_list=others, level="O1", dtype=dtype
    )


class LossScale:
    """A factor on the loss, a power of two as large as the gradients allow.

    fp16 represents numbers from 6e-8 to 65504; smaller gradients become 0. So the loss is scaled
    by the factor before the backward pass, and the gradients are divided by it afterwards. If
    gradients overflow, the factor is halved and the update is skipped; after many updates without
    an overflow it is doubled. (Paddle's `GradScaler` does the same on a GPU, but hides its decision
    from `FiniteGuard` and does nothing on a CPU.)

    Args:
        value: initial factor. Without arguments it is 1 and never changes.
        largest: upper limit of the factor.
        patience: updates in a row without overflow after which it is doubled (2000 as in Paddle).
    """

    def __init__(self, value: float = 1.0, *, largest: float = 1.0, patience: int = 2000):
        self.value = value
        self.largest = largest
        self.patience = patience
        self._in_a_row = 0

    def scaled(self, loss: Tensor) -> Tensor:
        """Return the loss times the factor, for the backward pass."""
        return loss if self.value == 1.0 else loss * self.value

    def unscale_(self, gradients: Sequence[Tensor]) -> None:
        """Divide the gradients of a scaled loss in place; exact, since it is a power of two."""
        if self.value != 1.0:
            for gradient in gradients:
                paddle.assign(gradient / self.value, output=gradient)

    def absorbs(self, scalars: Sequence[Tensor], gradients: Sequence[Tensor], update: str) -> bool:
        """Return whether the gradients overflowed because of the factor; if so, halve it.

        The update must then be skipped, which is a normal event. Other cases are left to
        `FiniteGuard`: a loss that is not finite itself, and gradients that overflow at factor 1.

        Args:
            scalars: losses of the update.
            gradients: gradients of all processes together, unscaled or not.
            update: its name for the log.
        """
        if self.largest == 1.0:  # no need to wait for the device
            return False
        if all_finite(gradients):
            self._count_good_update()
            return False
        self._in_a_row = 0
        if self.value == 1.0 or not all_finite(scalars):
            return False
        self.value /= 2.0
        logger.info("skipped %s: gradients overflowed fp16; loss scale now %g", update, self.value)
        return True

    def state(self) -> dict[str, float]:
        """Return what `restore` needs; empty for a scale that never changes."""
        if self.largest == 1.0:
            return {}
        return {"value": self.value, "in_a_row": self._in_a_row}

    def restore(self, state: dict[str, float]) -> None:
        """Continue from what `state` returned, or from the initial factor if it was empty."""
        self.value = min(state.get("value", self.value), self.largest)
        self._in_a_row = int(state.get("in_a_row", 0))

    def _count_good_update(self) -> None:
        self._in_a_row += 1
        if self._in_a_row == self.patience:
            self.value = min(2.0 * self.value, self.largest)
            self._in_a_row = 0


def loss_scale(precision: str) -> LossScale:
    """Return the loss scale for `precision`: 1 except for fp16, whose range is narrow."""
    return LossScale(2.0**16, largest=2.0**24) if precision == "fp16" else LossScale()
