# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The named rows that are measured."""

import sys
from collections.abc import Callable
from typing import NamedTuple

Call = Callable[[], object]


class Skip(Exception):
    """Raised while a row is prepared, with the reason why it cannot be measured here."""


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        name: `part/what/size`.
        prepare: does everything that is not measured, including imports, and returns the call to
            measure.
        flops: returns the floating-point operations of matrix products and convolutions in one
            call, where a multiply-add counts as two; called after the measurement.
        items: images in one call.
        quick: also measured with --quick.
        most_calls: limit on the measured calls, for a row that takes minutes.
    """

    name: str
    prepare: Callable[[], Call]
    flops: Callable[[], int] = int
    items: int = 1
    quick: bool = False
    most_calls: int = sys.maxsize
