# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The single thread that runs all networks, one filling at a time."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

from ppdeepfill.parallel import use_device


class Cancelled(Exception):
    """The visitor no longer wants the result."""


class Job:
    """One filling, with its progress and a way to stop it.

    Attributes:
        crop: the number of the current crop, from 0, and the number of all crops.
    """

    def __init__(self) -> None:
        self.crop = (0, 1)
        self._unwanted = Event()

    def cancel(self) -> None:
        """Stop before the next crop."""
        self._unwanted.set()

    def before_crop(self, number: int, count: int) -> None:
        """Callback for `strategies.fill`; raises Cancelled."""
        if self._unwanted.is_set():
            raise Cancelled
        self.crop = (number, count)


class Worker:
    """A thread that computes like the command line: same device, same number of threads.

    Args:
        device: see `use_device`.

    Raises:
        ConfigError: no such device.
    """

    def __init__(self, device: str):
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="filling")
        self.run(use_device, device).result()  # Paddle's number of threads is set per thread

    def run(self, function: Callable, *arguments: Any) -> Future:
        """Call a function in the thread, after those already waiting."""
        return self._thread.submit(function, *arguments)

    def close(self) -> None:
        """Cancel waiting calls, and wait for the running one."""
        self._thread.shutdown(cancel_futures=True)
