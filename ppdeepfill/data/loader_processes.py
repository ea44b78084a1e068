# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""How a loader's worker processes begin and end."""

import os
import signal
import threading
import time
from collections.abc import Sequence
from multiprocessing import Process
from multiprocessing.util import Finalize
from pathlib import Path

import cv2

SHARED_MEMORY = Path("/dev/shm")
training_is_gone = threading.Event()  # set in a worker whose training was killed


def prepare_worker(_: int) -> None:
    """Leave signals from a terminal or launcher to the main process, and end with it."""
    os.setpgid(0, 0)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    cv2.setNumThreads(0)
    parent = os.getppid()
    Finalize(None, _remove_batches, args=(parent,), exitpriority=0)  # where Paddle notices first
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()


def kill(workers: Sequence[Process]) -> None:
    """End workers at once, at the end of a process that did not close its loader."""
    for worker in workers:
        worker.kill()


def _end_with_parent(parent: int) -> None:
    """End this worker if the main process was killed; Paddle's own watchdog may sleep forever."""
    while os.getppid() == parent:
        time.sleep(1)
    training_is_gone.set()
    time.sleep(1)  # a batch that is loaded already gets its file, which is removed below
    _remove_batches(parent)
    os._exit(1)


def _remove_batches(parent: int) -> None:
    """Remove the batches of this worker from shared memory if nobody is left to receive them."""
    if os.getppid() != parent:
        for batch in SHARED_MEMORY.glob(f"paddle_{os.getpid()}_*"):  # Paddle's names for them
            batch.unlink(missing_ok=True)
