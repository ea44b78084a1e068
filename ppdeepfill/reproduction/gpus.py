# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Expected times on common GPUs, computed from the cost model: nothing here was measured.

Each pass through a layer takes the longer of its arithmetic and its memory traffic, at the stated
shares of the published peaks.
"""

from collections.abc import Iterable
from typing import NamedTuple

from ppdeepfill.reproduction.counters import Cost


class Gpu(NamedTuple):
    """Published peak rates of a GPU."""

    name: str
    flops: float  # per second, float32 outside the tensor cores
    bandwidth: float  # bytes per second


# From NVIDIA's data sheets.
GPUS = (
    Gpu("T4", 8.1e12, 320e9),
    Gpu("V100 SXM2", 15.7e12, 900e9),
    Gpu("A100 40 GB", 19.5e12, 1555e9),
    Gpu("RTX 3090", 35.6e12, 936e9),
    Gpu("RTX 4090", 82.6e12, 1008e9),
)
# Shares of the peaks that well-utilised kernels reach; an assumption.
ARITHMETIC, TRAFFIC = 0.5, 0.7


def expected_seconds(passes: Iterable[Cost], gpu: Gpu) -> float:
    """Return the time of these passes, one after the other."""
    return sum(
        max(x.flops / (ARITHMETIC * gpu.flops), x.bytes / (TRAFFIC * gpu.bandwidth)) for x in passes
    )
