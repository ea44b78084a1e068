# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Limits on the contents of a weight file."""

from ppdeepfill.errors import WeightsError

MAX_BYTES = 2**31  # with both critics and Adam's moments, DeepFill v1 has 128 MB
MAX_VALUES = 100_000
MAX_NAME = 250  # characters


def check_total(size: int) -> None:
    """Refuse more bytes than any network here has, before allocating memory for them.

    Raises:
        WeightsError: more than `MAX_BYTES`.
    """
    if size > MAX_BYTES:
        raise WeightsError(
            f"it contains or declares {size:,} bytes; no network here has more than {MAX_BYTES:,}"
        )
