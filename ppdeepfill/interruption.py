# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Stopping on request without losing work."""

import os
import signal


class Interruption:
    """While entered, the first Ctrl-C or SIGTERM is noted; the second ends the process at once.

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
        self.signal = number
        for each in self._previous:
            signal.signal(each, signal.SIG_DFL)
        # print() must not be called in a handler: it may interrupt another print().
        os.write(2, b"\nfinishing this iteration, then saving; once more to stop at once\n")
