# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Weights of published networks from a local .safetensors file; nothing is downloaded."""

import re
from collections.abc import Sequence
from pathlib import Path

from numpy import ndarray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from ppdeepfill.errors import WeightsError


def read_weights(
    path: Path, *, renamed: Sequence[tuple[str, str]], ignored: str
) -> dict[str, ndarray]:
    """Read arrays by the names that our layers give them.

    Args:
        path: the file.
        renamed: (regular expression, replacement), applied to every name in this order.
        ignored: regular expression of names to leave out, as they are in the file.

    Raises:
        WeightsError: there is no such file, or it is cut short or of another format.
    """
    try:
        arrays = load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"cannot read the weights {path}: {error}. Expected a .safetensors file, see "
            "docs/metrics.md"
        ) from error
    return {
        _rename(name, renamed): array
        for name, array in arrays.items()
        if not re.match(ignored, name)
    }


def _rename(name: str, renamed: Sequence[tuple[str, str]]) -> str:
    for pattern, replacement in renamed:
        name = re.sub(pattern, replacement, name)
    return name
