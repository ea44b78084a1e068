# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Weights of published networks from a local file; nothing is downloaded, and nothing is run."""

import re
from collections.abc import Sequence
from pathlib import Path

from numpy import ndarray

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files import read_arrays


def read_weights(
    path: Path, *, renamed: Sequence[tuple[str, str]], ignored: str
) -> dict[str, ndarray]:
    """Read arrays by the names that our layers give them.

    Args:
        path: .safetensors, .pdparams, .pt, .pth or .npz.
        renamed: (regular expression, replacement), applied to every name in this order.
        ignored: regular expression of names to leave out, as they are in the file.

    Raises:
        WeightsError: there is no such file, or it is damaged or holds more than arrays.
    """
    try:
        arrays = read_arrays(path)
    except WeightsError as error:
        raise WeightsError(f"{error}. What is expected: docs/metrics.md") from None
    return {
        _rename(name, renamed): array
        for name, array in arrays.items()
        if not re.match(ignored, name)
    }


def _rename(name: str, renamed: Sequence[tuple[str, str]]) -> str:
    for pattern, replacement in renamed:
        name = re.sub(pattern, replacement, name)
    return name
