# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Start and end the worker processes of a loader."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import cv2

SHARED_MEMORY = Path("/dev/shm")
ENDING = 5.0  # s to wait for a process that has removed its batches or closed its files already
training_is_gone = threading.Event()  # set in a worker whose training was killed


def prepare_worker(_: int) -> None:
    """Leave signals from a terminal or launcher to the main process, and end with it."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(0)
    parent = os.getppid()
    Finalize(None, _leave_nothing, args=(parent,), exitpriority=0)  # if Paddle notices first
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()


@contextmanager
def raising_no_signals() -> Iterator[None]:
    """Within this context, Paddle's loader is built without its handler of SIGCHLD.

    The handler would raise the error of a dead worker wherever the main thread is, such as in the
    middle of an update or of writing a checkpoint; without it, only `next()` raises.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGCHLD"):
        yield  # Paddle sets no handler here either
        return
    before = signal.getsignal(signal.SIGCHLD)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before or signal.SIG_DFL)


def wake_when_one_dies(loaded: Any) -> None:
    """Let `next(loaded)` raise SystemError as soon as a worker is dead.

    Paddle looks for dead workers every five seconds, and never while it waits for the rest of a
    batch that one was sending.

    Args:
        loaded: Paddle's iterator; without worker processes, as on Windows, this does nothing.
    """

    def watch() -> None:
        wait([worker.sentinel for worker in loaded._workers])
        if not loaded._workers_done_event.is_set():  # nobody is closing it
            loaded._exit_thread_unexpectedly()

    if hasattr(loaded, "_workers"):
        threading.Thread(target=watch, daemon=True).start()


def were_terminated(loaded: Any) -> bool:
    """Whether there are dead workers, and SIGTERM ended all of them.

    Call it after a batch could not be received. A worker removes its batches before it ends, so the
    first to end may still be doing that.
    """
    dead = wait([worker.sentinel for worker in loaded._workers], timeout=ENDING)
    ended = [worker for worker in loaded._workers if worker.sentinel in dead]
    for worker in ended:
        worker.join(ENDING)
    return bool(ended) and all(worker.exitcode == -signal.SIGTERM for worker in ended)


def kill(loaded: Any) -> None:
    """End the workers at once, and remove the batches that nobody will receive."""
    loaded._data_queue._writer.close()  # or we would wait for the rest of a batch in a pipe
    for worker in loaded._workers:
        worker.kill()
        worker.join()
        _remove_batches(worker.pid)


def _end_with_parent(parent: int) -> None:
    """End this worker if the main process was killed; Paddle's own watchdog may sleep forever."""
    while os.getppid() == parent:
        time.sleep(1)
    training_is_gone.set()
    time.sleep(1)  # a batch that is already loaded still gets its file, removed below
    _leave_nothing(parent)
    os._exit(1)


def _leave_nothing(parent: int) -> None:
    """Remove the batches of this worker if nobody is left to receive them."""
    if os.getppid() != parent:
        _remove_batches(os.getpid())


def _remove_batches(worker: int) -> None:
    for batch in SHARED_MEMORY.glob(f"paddle_{worker}_*"):  # Paddle's names for them
        batch.unlink(missing_ok=True)
