# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Progress bars with the time left, for whatever may take more than a few seconds."""

from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

DELAY = 1.0  # s; what ends sooner shows no bar


def progress(
    items: Iterable[Any] | None = None,
    *,
    unit: str,
    total: float | None = None,
    scaled: bool = False,
) -> tqdm:
    """Return the items with a bar on stderr, if that is a terminal; it vanishes at the end.

    Args:
        items: what is counted; None: the caller calls `update` on what is returned.
        unit: of one item, in the singular.
        total: how many; None asks the items for their length.
        scaled: write 12.3M for large numbers.
    """
    return tqdm(
        items, unit=unit, total=total, unit_scale=scaled, delay=DELAY, leave=False, disable=None
    )
