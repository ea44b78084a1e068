# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Progress bars with the time left, for work that may take more than a few seconds."""

import warnings
from collections.abc import Iterable
from typing import Any

from tqdm import TqdmWarning, tqdm

with warnings.catch_warnings():  # in a notebook it wants ipywidgets, which our bars do not need
    warnings.simplefilter("ignore", TqdmWarning)
    from tqdm.contrib.logging import logging_redirect_tqdm

__all__ = ["logging_redirect_tqdm", "progress"]

DELAY = 1.0  # s; shorter work shows no bar


def progress(
    items: Iterable[Any] | None = None,
    *,
    unit: str,
    total: float | None = None,
    scaled: bool = False,
) -> tqdm:
    """Return the items with a bar on stderr if that is a terminal; it disappears at the end.

    Args:
        items: items to count; None: the caller calls `update` on the result.
        unit: name of one item, in the singular.
        total: number of items; None uses their length.
        scaled: write large numbers as 12.3M.
    """
    return tqdm(
        items, unit=unit, total=total, unit_scale=scaled, delay=DELAY, leave=False, disable=None
    )
