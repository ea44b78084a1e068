# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The interface between trainer and objective: the updates of an iteration, and their modules."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from paddle import Tensor, nn

from ppdeepfill.data.batch import Batch


class Phase(NamedTuple):
    """One kind of update within an iteration.

    Attributes:
        name: "critic", "generator"; the key of its loss in the log.
        trains: the only module that receives gradients in this phase.
        loss: batch -> (scalar to minimise, named scalars for the log).
        repeats: updates of this kind per iteration.
        fresh_batch: each update draws a batch; otherwise it uses that of the phase before.
        start: first iteration with this phase, counted from 0.
        stop: first iteration without it again; None if it never stops.
        optimizer: phases with the same name here share one optimizer; "" means `name`.
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
        """Return whether an iteration, counted from 0, includes this phase."""
        return self.start <= iteration and (self.stop is None or iteration < self.stop)

    def batches_before(self, iteration: int) -> int:
        """Return how many batches it draws in all iterations before this one."""
        end = iteration if self.stop is None else min(iteration, self.stop)
        return self.repeats * max(end - self.start, 0) if self.fresh_batch else 0


class Objective(Protocol):
    """How a network is trained: all terms, weights and gradient decisions of a method.

    A class in `OBJECTIVES` is called with

        (network, *, image_size: (H, W), local_size: (h, w), seed: int, **options)

    where the sizes are those of the training images and of the local region around the hole, in
    pixels. The other keyword arguments are the keys of `objective.options`.
    """

    @property
    def extra_modules(self) -> dict[str, nn.Layer]:
        """Layers trained in addition to the network, such as critics; saved in checkpoints."""

    def phases(self) -> list[Phase]:
        """Return all kinds of update, in their order within an iteration; called once."""
