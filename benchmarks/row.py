# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What is measured: named rows."""

import sys
from collections.abc import Callable
from typing import NamedTuple

Call = Callable[[], object]


class Skip(Exception):
    """Raised while a row is prepared: it cannot be measured here, and why."""


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        name: `part/what/size`.
        prepare: does what is not measured, imports included, and returns the call that is.
        flops: floating-point operations of one call that are in matrix products and convolutions,
            a multiplication and its addition being two; asked after the measurement.
        items: images in one call.
        quick: also measured with --quick.
        most_calls: of those that count, for a row that takes minutes.
    """

    name: str
    prepare: Callable[[], Call]
    flops: Callable[[], int] = int
    items: int = 1
    quick: bool = False
    most_calls: int = sys.maxsize
