# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Stop on request without losing work."""

import os
import signal
import time

ONE_REQUEST = 1.0  # seconds: launchers and `timeout` may send the same request twice at once


class Interruption:
    """Context that records the first Ctrl-C or SIGTERM; a second one ends the process at once.

    Args:
        launched: the process belongs to one that launched it. Paddle's launcher ends at a SIGTERM
            without passing it on, so that its end counts as one.
    """

    def __init__(self, *, launched: bool = False):
        self._asked = 0
        self._launcher = os.getppid() if launched else None

    @property
    def signal(self) -> int:
        """Number of the signal that asked to stop; 0 as long as none did."""
        if not self._asked and self._launcher not in (None, os.getppid()):
            return signal.SIGTERM
        return self._asked

    def __enter__(self) -> "Interruption":
        signals = (signal.SIGINT, signal.SIGTERM)
        self._previous = {number: signal.signal(number, self._note_signal) for number in signals}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note_signal(self, number: int, _) -> None:
        if not self._asked:
            self._asked, self._noted = number, time.monotonic()
            # print() must not be called in a handler: it may interrupt another print().
            os.write(2, b"\nfinishing this iteration, then saving; repeat to stop immediately\n")
        elif time.monotonic() - self._noted > ONE_REQUEST:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
