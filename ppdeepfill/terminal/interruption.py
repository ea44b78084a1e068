# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""End a command at Ctrl-C with one line, wherever in the code it arrives."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STATUS = 128 + signal.SIGINT  # what a shell reports for a process that Ctrl-C ended
AGAIN = 0.05  # s between two checks whether an import has ended
IMPORTING = "<frozen importlib._bootstrap>"


class Interrupted(KeyboardInterrupt):
    """Ctrl-C was pressed.

    A separate class, because Python kills itself at exit if a KeyboardInterrupt passed through
    `exec`, even if it was caught later.
    """


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise `Interrupted` at Ctrl-C, so that files being written are removed on the way out.

    Waits for a running import to end first, because Paddle, NumPy and OpenCV print their own
    messages if they are interrupted while loading. Any other exception that follows from an
    interruption also becomes `Interrupted`. A second Ctrl-C ends the process at once.
    """
    if threading.current_thread() is not threading.main_thread():  # signals go to the main one
        yield
        return
    asked = looking_again = False
    waiting: threading.Timer | None = None  # for the end of an import

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal asked, looking_again, waiting
        if asked and not looking_again:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        asked, looking_again, waiting = True, False, None
        if not _imports(frame):
            raise Interrupted
        waiting = threading.Timer(AGAIN, look_again, [number])
        waiting.daemon = True
        waiting.start()

    def look_again(number: int) -> None:
        nonlocal looking_again
        looking_again = True
        if hasattr(signal, "pthread_kill"):  # which also wakes a main thread that waits
            signal.pthread_kill(threading.main_thread().ident, number)
        else:
            signal.raise_signal(number)

    previous = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
        if waiting:
            raise Interrupted
    except BaseException as error:
        if asked or isinstance(error, KeyboardInterrupt):
            raise Interrupted from None
        raise
    finally:
        if waiting:
            waiting.cancel()
        signal.signal(signal.SIGINT, previous)


def _imports(frame: FrameType | None) -> bool:
    """Return whether a module is being imported in a frame or in one that called it."""
    while frame is not None:
        if frame.f_code.co_filename == IMPORTING:
            return True
        frame = frame.f_back
    return False
