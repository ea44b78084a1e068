# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The one thread in which all networks compute, one filling after the other."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

from ppdeepfill.parallel import use_device


class Cancelled(Exception):
    """The visitor no longer wants the result."""


class Job:
    """One filling: how far it is, and a way to end it.

    Attributes:
        crop: the number of the crop that is computed, from 0, and how many there are.
    """

    def __init__(self) -> None:
        self.crop = (0, 1)
        self._unwanted = Event()

    def cancel(self) -> None:
        """End before the next crop."""
        self._unwanted.set()

    def before_crop(self, number: int, count: int) -> None:
        """For `strategies.fill`; raises Cancelled."""
        if self._unwanted.is_set():
            raise Cancelled
        self.crop = (number, count)


class Worker:
    """A thread that computes as the command line does: same device, same number of threads.

    Args:
        device: see `use_device`.

    Raises:
        ConfigError: no such device.
    """

    def __init__(self, device: str):
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="filling")
        self.run(use_device, device).result()  # Paddle counts threads for each thread of its own

    def run(self, function: Callable, *arguments: Any) -> Future:
        """Call a function in the thread, after those that wait already."""
        return self._thread.submit(function, *arguments)

    def close(self) -> None:
        """Let go of what waits, and wait for what runs."""
        self._thread.shutdown(cancel_futures=True)
