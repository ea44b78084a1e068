# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""How much a file of weights may hold."""

from ppdeepfill.errors import WeightsError

MAX_BYTES = 2**31  # with both critics and Adam's moments, DeepFill v1 has 128 MB


def check_total(size: int) -> None:
    """Refuse arrays of more bytes than any network here has, before memory is taken for them.

    Raises:
        WeightsError: more than `MAX_BYTES`.
    """
    if size > MAX_BYTES:
        raise WeightsError(
            f"it declares {size:,} bytes of arrays; no network here has more than {MAX_BYTES:,}"
        )
