# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Stopping on request without losing work."""

import os
import signal
import time

ONE_REQUEST = 1.0  # seconds: launchers and `timeout` deliver one request twice, at once


class Interruption:
    """While entered, the first Ctrl-C or SIGTERM is noted; a later one ends the process at once.

    Attributes:
        signal: number of the signal that asked to stop; 0 as long as none did.
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
            # print() must not be called in a handler: it may interrupt another print().
            os.write(2, b"\nfinishing this iteration, then saving; once more to stop at once\n")
        elif time.monotonic() - self._noted > ONE_REQUEST:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
