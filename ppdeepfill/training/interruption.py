# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Stop on request without losing work."""

import os
import signal
import time

ONE_REQUEST = 1.0  # seconds: launchers and `timeout` may send the same request twice at once


class Interruption:
    """Context that records the first Ctrl-C or SIGTERM; a second one ends the process at once.

    Attributes:
        signal: number of the signal received; 0 if none.
    """

    def __init__(self):
        self.signal = 0

    def __enter__(self) -> "Interruption":
        signals = (signal.SIGINT, signal.SIGTERM)
        self._previous = {number: signal.signal(number, self._note) for number in signals}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, _) -> None:
        if not self.signal:
            self.signal, self._noted = number, time.monotonic()
            # No print() in a signal handler: it may interrupt another print().
            os.write(2, b"\nfinishing this iteration, then saving; repeat to stop immediately\n")
        elif time.monotonic() - self._noted > ONE_REQUEST:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
