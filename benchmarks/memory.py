# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Skip rows that need more memory than this machine has: a killed process would report nothing."""

from math import inf
from pathlib import Path

from benchmarks.row import Skip

GIB = 1 << 30


def require_memory(size: tuple[int, int], *, attention_limit: float = inf) -> None:
    """Raise `Skip` if a picture [H, W] needs more memory than is free; see `picture_bytes`."""
    needed, free = picture_bytes(size, attention_limit), _free_bytes()
    if needed > free:
        raise Skip(f"needs about {needed / GIB:.0f} GiB, but {free / GIB:.0f} GiB are free")


def picture_bytes(size: tuple[int, int], attention_limit: float = inf) -> float:
    """Estimate the network's memory: mostly six copies of the attention's scores.

    Args:
        size: height and width of the picture.
        attention_limit: memory limit of the attention in bytes, above which it works in blocks.
    """
    height, width = size
    positions = (height // 8) * (width // 8)
    attention = min(4 * 6 * positions**2, attention_limit)
    return attention + 4 * 400 * height * width


def _free_bytes() -> float:
    """Return the memory available without swapping; infinite if unknown."""
    path = Path("/proc/meminfo")
    if not path.is_file():
        return inf
    lines = path.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
