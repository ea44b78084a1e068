# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Keeping nan and infinity out of the weights."""

import logging
from collections.abc import Sequence

import paddle
from paddle import Tensor

from ppdeepfill.errors import UserError

logger = logging.getLogger(__name__)


class FiniteGuard:
    """Decides whether an update may be applied; ends a run that gets none applied.

    Args:
        max_bad_updates: bad updates in a row that end the run.
    """

    def __init__(self, max_bad_updates: int):
        self.max_bad_updates = max_bad_updates
        self._in_a_row = 0

    def allows(self, tensors: Sequence[Tensor], update: str) -> bool:
        """Whether all tensors, of one type, are finite; if not, says which update is left out.

        Args:
            tensors: losses and gradients of the update.
            update: its name for the log.

        Raises:
            UserError: the last of `max_bad_updates` in a row.
        """
        if all_finite(tensors):
            self._in_a_row = 0
            return True
        self._in_a_row += 1
        logger.warning("%s is left out: its loss or gradient is nan or infinite", update)
        if self._in_a_row >= self.max_bad_updates:
            raise UserError(
                f"training stops: {self._in_a_row} updates in a row were nan or infinite, the last "
                f"was {update}. Checkpoints written before are intact, where there are any. Start "
                "the same command again with a smaller step, such as -o "
                "optimizer.learning_rate=5e-5, or a larger data.batch_size; if the same samples "
                "fail again, look at their images"
            )
        return False


def all_finite(tensors: Sequence[Tensor]) -> bool:
    """Whether tensors of one type hold neither nan nor infinity; waits for the device."""
    flat = paddle.concat([tensor.reshape([-1]) for tensor in tensors])
    return bool(flat.isfinite().all())
