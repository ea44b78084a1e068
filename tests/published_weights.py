# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Random weights under the names of published networks, made again from those names alone."""

import json
import zlib

import numpy as np


def weights_of(shapes: str) -> dict[str, np.ndarray]:
    """JSON {name: shape} -> arrays of values that keep a deep network's features in range."""
    return {name: _values(name, shape) for name, shape in json.loads(shapes).items()}


def _values(name: str, shape: list[int]) -> np.ndarray:
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    values = rng.standard_normal(shape, np.float32)
    if name.startswith("lin"):
        return np.abs(values)
    if len(shape) == 4:
        return values * np.float32((2 / np.prod(shape[1:])) ** 0.5)
    if name.endswith("running_var"):
        # Small, so that the epsilon beside it matters.
        return np.float32(0.01) + np.float32(0.1) * np.abs(values)
    return np.float32(name.endswith("bn.weight")) * np.float32(0.2) + np.float32(0.05) * values
