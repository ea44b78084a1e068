# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Means over the iterations between two log lines."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import paddle
from paddle import Tensor


class Reading(NamedTuple):
    """Means over an interval.

    Attributes:
        scalars: by name.
        reader_cost: seconds per iteration spent waiting for images.
        batch_cost: seconds per iteration in total.
        samples: images per iteration.
        total_seconds: training time since the run began.
    """

    scalars: dict[str, float]
    reader_cost: float
    batch_cost: float
    samples: float
    total_seconds: float = 0.0


def mean_of(scalars: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the means of named scalars over the parts of a batch."""
    if len(scalars) == 1:
        return scalars[0]
    return {name: paddle.stack([part[name] for part in scalars]).mean() for name in scalars[0]}


class Meter:
    """Sums scalars on the device and seconds on the host; `read` returns means and resets.

    Attributes:
        total_seconds: time spent in iterations since the run began: validation, pictures and
            checkpoints do not count.
    """

    def __init__(self):
        self.total_seconds = 0.0
        self._reset()

    def add(self, scalars: dict[str, Tensor]) -> None:
        """Add the named scalars of one update, without copying them to the host."""
        for name, scalar in scalars.items():
            # A detached scalar may share memory with others: sum into a new one.
            total = self._sums[name] + scalar if name in self._sums else scalar.clone()
            self._sums[name] = total
            self._counts[name] = self._counts.get(name, 0) + 1

    @contextmanager
    def waiting(self, samples: int) -> Iterator[None]:
        """Count the time spent inside as waiting for this number of images."""
        started = time.perf_counter()
        yield
        self._seconds_waiting += time.perf_counter() - started
        self._samples += samples

    @contextmanager
    def iteration(self) -> Iterator[None]:
        """Count the time spent inside as one iteration, including waiting."""
        started = time.perf_counter()
        yield
        seconds = time.perf_counter() - started
        self._seconds += seconds
        self.total_seconds += seconds
        self._iterations += 1

    def read(self) -> Reading:
        """Return the means since the last reading."""
        means = {name: total / count for name, (total, count) in self.state().items()}
        iterations = max(self._iterations, 1)
        reading = Reading(
            means,
            self._seconds_waiting / iterations,
            self._seconds / iterations,
            self._samples / iterations,
            self.total_seconds,
        )
        self._reset()
        return reading

    def state(self) -> dict[str, list]:
        """Return the sum and count of each scalar, so that an interval survives a restart."""
        return {name: [float(self._sums[name]), self._counts[name]] for name in self._sums}

    def restore(self, state: dict[str, list]) -> None:
        """Continue from what `state` returned."""
        self._reset()
        for name, (total, count) in state.items():
            self._sums[name] = paddle.to_tensor(total, dtype="float32")
            self._counts[name] = count

    def _reset(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self._iterations = 0
        self._samples = 0
        self._seconds_waiting = 0.0
        self._seconds = 0.0
