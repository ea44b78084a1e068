# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The single thread that runs all networks, one job at a time."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event
from typing import Any

from ppdeepfill.parallel import use_device

TICK = 0.1  # seconds between checks of a job's progress


class Cancelled(Exception):
    """The visitor no longer wants the result."""


class Job:
    """A visitor's request, with its progress and a way to stop it.

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


class Jobs:
    """The jobs of all visitors, each of one session.

    Args:
        worker: does them, one after another.
    """

    def __init__(self, worker: Worker):
        self._worker = worker
        self._sessions: dict[Job, str] = {}

    def run(
        self, session: str, watch: Callable[[Job], None], function: Callable, *args: Any
    ) -> Any:
        """Call `function(job, *args)` in the worker and wait for it, while `watch` sees the job.

        Raises:
            Cancelled: the visitor no longer wants the result.
        """
        job = Job()
        self._sessions[job] = session
        try:
            future = self._worker.run(_begun, job, function, *args)
            while not future.done():
                watch(job)
                wait([future], timeout=TICK)
            return future.result()
        finally:
            self._sessions.pop(job)

    def cancel(self, session: str) -> bool:
        """Cancel the jobs of a session; False if it has none."""
        jobs = [job for job, owner in list(self._sessions.items()) if owner == session]
        for job in jobs:
            job.cancel()
        return bool(jobs)

    def close(self) -> None:
        """Cancel all jobs."""
        for job in list(self._sessions):
            job.cancel()


def _begun(job: Job, function: Callable, *args: Any) -> Any:
    job.before_crop(0, 1)  # a job that was cancelled while waiting must not begin
    return function(job, *args)
