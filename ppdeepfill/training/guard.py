# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Keep nan and infinity out of the weights."""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import paddle
from numpy import ndarray
from paddle import Tensor

from ppdeepfill.errors import UserError

ADVICE = (
    "Checkpoints written before are intact. Run the same command again with a smaller step, such "
    "as -o optimizer.learning_rate=5e-5, or a larger data.batch_size; if it fails again at once, "
    "delete the newest checkpoint to continue from the one before; if the same samples fail again, "
    "look at their images"
)

logger = logging.getLogger(__name__)


class FiniteGuard:
    """Decides whether to apply the updates of a phase; stops a run after too many bad ones.

    Numbers above 1.8e19 are bad, too: their squares, which optimizers keep, are infinite, and the
    weight would never change again.

    Args:
        max_bad_updates: number of bad updates in a row that stops the run.
    """

    def __init__(self, max_bad_updates: int):
        self.max_bad_updates = max_bad_updates
        self._in_a_row = 0

    def allows(self, tensors: Sequence[Tensor], update: str) -> bool:
        """Return whether all squares are finite; if not, log that the update is skipped.

        Args:
            tensors: losses and gradients of the update, all of the same type.
            update: its name for the log.

        Raises:
            UserError: this is bad update number `max_bad_updates` in a row.
        """
        if all_finite([tensor.square() for tensor in tensors]):
            self._in_a_row = 0
            return True
        self._in_a_row += 1
        logger.warning("skipped %s: its loss or gradient is nan or infinite", update)
        if self._in_a_row >= self.max_bad_updates:
            raise UserError(
                f"training stopped: {self._in_a_row} updates in a row were nan or infinite, most "
                f"recently {update}. {ADVICE}"
            )
        return False


def all_finite(tensors: Sequence[Tensor]) -> bool:
    """Return whether tensors of one type contain no nan or infinity; waits for the device."""
    flat = paddle.concat([tensor.reshape([-1]) for tensor in tensors])
    return bool(flat.isfinite().all())


def check_finite(arrays: Mapping[str, ndarray]) -> None:
    """Refuse to save nan and infinity.

    Raises:
        UserError: names the first array that contains one.
    """
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise UserError(
                f"training stopped, and nothing was saved: {name} is nan or infinite. {ADVICE}"
            )
