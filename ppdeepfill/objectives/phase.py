# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What the trainer needs to know of one kind of update."""

from collections.abc import Callable
from typing import NamedTuple

from paddle import Tensor, nn


class Phase(NamedTuple):
    """One kind of update within an iteration.

    Attributes:
        name: "critic", "generator"; the key of its loss in the log and of its optimizer.
        trains: the only module that accepts gradients in this phase.
        loss: batch -> (scalar to minimise, named scalars for the log).
        repeats: updates of this kind per iteration.
        fresh_batch: each of them draws a batch; otherwise they take the one of the phase before.
    """

    name: str
    trains: nn.Layer
    loss: Callable[..., tuple[Tensor, dict[str, Tensor]]]
    repeats: int = 1
    fresh_batch: bool = True
