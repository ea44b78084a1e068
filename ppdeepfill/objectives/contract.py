# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What the trainer needs of an objective: the updates of an iteration, and what it trains."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from paddle import Tensor, nn

from ppdeepfill.data.batch import Batch


class Phase(NamedTuple):
    """One kind of update within an iteration.

    Attributes:
        name: "critic", "generator"; the key of its loss in the log.
        trains: the only module that accepts gradients in this phase.
        loss: batch -> (scalar to minimise, named scalars for the log).
        repeats: updates of this kind per iteration.
        fresh_batch: each of them draws a batch; otherwise they take the one of the phase before.
        start: the first iteration, counted from 0, that has this phase.
        stop: the first iteration that no longer has it; None for no end.
        optimizer: phases that give the same name here share one optimizer; "" stands for `name`.
    """

    name: str
    trains: nn.Layer
    loss: Callable[[Batch], tuple[Tensor, dict[str, Tensor]]]
    repeats: int = 1
    fresh_batch: bool = True
    start: int = 0
    stop: int | None = None
    optimizer: str = ""

    @property
    def optimizer_name(self) -> str:
        """The key of its optimizer in the configuration and in checkpoints."""
        return self.optimizer or self.name

    def is_part_of(self, iteration: int) -> bool:
        """Whether an iteration, counted from 0, has this phase."""
        return self.start <= iteration and (self.stop is None or iteration < self.stop)

    def batches_before(self, iteration: int) -> int:
        """Batches that it draws in all iterations before this one."""
        end = iteration if self.stop is None else min(iteration, self.stop)
        return self.repeats * max(end - self.start, 0) if self.fresh_batch else 0


class Objective(Protocol):
    """How a network is trained: every term, weight and gradient decision of one method.

    A class of `OBJECTIVES` is built as

        (network, *, image_size: (H, W), local_size: (h, w), seed: int, **options)

    with sizes in pixels, of the training images and of the local region around the hole. Its
    keyword arguments after those are the keys of `objective.options`.
    """

    @property
    def extra_modules(self) -> dict[str, nn.Layer]:
        """Layers that it trains beside the network, such as critics; checkpoints hold them."""

    def phases(self) -> list[Phase]:
        """All kinds of update, in the order of an iteration; called once, before training."""
