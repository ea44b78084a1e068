# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Mixed precision: the convolutions of a training compute in 16 bits, all else in float32.

Weights, optimizer, losses and gradients between the layers stay float32. The attention and the
gradient penalty leave the 16 bits altogether: each switches them off where it is called. In fp16 a
factor on the loss keeps gradients within its numbers.
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


class LossScale:
    """A power of two, as large as the gradients allow.

    fp16 holds numbers from 6e-8 to 65504, and smaller gradients become 0. So the loss is multiplied
    before its backward pass, and the gradients are divided after it. Gradients that overflow halve
    the factor and cost one update; many updates without double it. (Paddle's `GradScaler` does the
    same on a GPU, but keeps its decision from `FiniteGuard` and does nothing on a CPU.)

    Args:
        value: the factor to begin with. Without arguments it is 1 and remains so.
        largest: it never grows beyond.
        patience: updates in a row without overflow that double it (2000 as in Paddle).
    """

    def __init__(self, value: float = 1.0, *, largest: float = 1.0, patience: int = 2000):
        self.value = value
        self.largest = largest
        self.patience = patience
        self._in_a_row = 0

    def scaled(self, loss: Tensor) -> Tensor:
        """What the backward pass begins with; the loss itself at 1."""
        return loss if self.value == 1.0 else loss * self.value

    def unscale_(self, gradients: Sequence[Tensor]) -> None:
        """Divide the gradients of a scaled loss in place; exact, as a power of two."""
        if self.value != 1.0:
            for gradient in gradients:
                paddle.assign(gradient / self.value, output=gradient)

    def absorbs(self, scalars: Sequence[Tensor], gradients: Sequence[Tensor], update: str) -> bool:
        """Whether the gradients overflowed by this factor, which then is halved.

        The update has to be left out then, as a normal event. All else is for `FiniteGuard`: a loss
        that is not finite itself, and gradients that overflow at a factor of 1.

        Args:
            scalars: losses of the update.
            gradients: divided or not, of all processes together.
            update: its name for the log.
        """
        if self.largest == 1.0:  # no need to wait for the device
            return False
        if all_finite(gradients):
            self._grow()
            return False
        self._in_a_row = 0
        if self.value == 1.0 or not all_finite(scalars):
            return False
        self.value /= 2.0
        logger.info("%s is left out: gradients beyond fp16; loss scale %g", update, self.value)
        return True

    def state(self) -> dict[str, float]:
        """What `restore` needs to go on; empty for a scale that never changes."""
        if self.largest == 1.0:
            return {}
        return {"value": self.value, "in_a_row": self._in_a_row}

    def restore(self, state: dict[str, float]) -> None:
        """Go on from what `state` returned; from the beginning where it was empty."""
        self.value = min(state.get("value", self.value), self.largest)
        self._in_a_row = int(state.get("in_a_row", 0))

    def _grow(self) -> None:
        self._in_a_row += 1
        if self._in_a_row == self.patience:
            self.value = min(2.0 * self.value, self.largest)
            self._in_a_row = 0


def loss_scale(precision: str) -> LossScale:
    """The scale for losses in `precision`: 1 but for fp16, whose range is narrow."""
    return LossScale(2.0**16, largest=2.0**24) if precision == "fp16" else LossScale()
