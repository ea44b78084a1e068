# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Read weights of published networks from a local file, without downloads or running code."""

import re
from collections.abc import Sequence
from pathlib import Path

from numpy import ndarray

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files import read_arrays


def read_weights(
    path: Path, *, renamed: Sequence[tuple[str, str]], ignored: str
) -> dict[str, ndarray]:
    """Read arrays and rename them as in our layers.

    Args:
        path: .safetensors, .pdparams, .pt, .pth or .npz.
        renamed: (regular expression, replacement) pairs, applied to every name in this order.
        ignored: regular expression for names in the file to leave out.

    Raises:
        WeightsError: the file is missing or damaged, or contains more than arrays.
    """
    try:
        arrays = read_arrays(path)
    except WeightsError as error:
        raise WeightsError(f"{error}. See docs/metrics.md for the expected file") from None
    return {
        _rename(name, renamed): array
        for name, array in arrays.items()
        if not re.match(ignored, name)
    }


def _rename(name: str, renamed: Sequence[tuple[str, str]]) -> str:
    for pattern, replacement in renamed:
        name = re.sub(pattern, replacement, name)
    return name
