# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The table: one line per row."""

from dataclasses import dataclass
from statistics import median

from benchmarks.protocol import Measurement

MIB = 1 << 20
COLUMNS = (
    ("row", 32),
    ("seconds", 9),
    ("spread", 7),
    ("core s", 8),
    ("peak MiB", 9),
    ("images/s", 9),
    ("GFLOP", 8),
    ("GFLOP/s", 8),
    ("of product", 11),
    ("of conv", 8),
)
COMPARED = (("theirs", 9), ("time ratio", 11), ("peak ratio", 11), ("FLOP ratio", 11))


@dataclass(frozen=True)
class Result:
    """The measurements of one row, in order; `theirs` are those of the other program."""

    ours: list[Measurement]
    theirs: list[Measurement]


def header(*, compared: bool) -> str:
    """Return the column names."""
    columns = COLUMNS + COMPARED if compared else COLUMNS
    return _join([name for name, _ in columns])


def line(name: str, result: Result, limits: list[float]) -> str:
    """Return one row of the table.

    Args:
        name: name of the row.
        result: its measurements.
        limits: the machine's best FLOPs per second in matrix products and in convolutions.
    """
    for measured in result.ours:
        if measured.note:
            return f"{name:32}  {measured.note}"
    cells = [name, *_own_cells(result.ours, limits)]
    if result.theirs:
        cells += _compared_cells(result)
    return _join(cells)


def ratio(result: Result, what: str) -> float:
    """Return the median of ours / theirs over the pairs, in `median`, `peak_bytes` or `flops`."""
    pairs = zip(result.ours, result.theirs, strict=True)
    return median(getattr(a, what) / (getattr(b, what) or float("nan")) for a, b in pairs)


def _own_cells(ours: list[Measurement], limits: list[float]) -> list[str]:
    seconds = [x for measured in ours for x in measured.seconds]
    typical, flops = median(seconds), ours[0].flops
    spread = (max(seconds) - min(seconds)) / typical
    cells = [f"{typical:.4g}", f"{spread:.0%}"]
    cells += [f"{median(measured.core_median for measured in ours):.4g}"]
    cells += [f"{max(measured.peak_bytes for measured in ours) / MIB:.0f}"]
    cells += [f"{ours[0].items / typical:.3g}"]
    if not flops:
        return cells + [""] * 4
    rate = flops / typical
    shares = [f"{rate / limit:.0%}" if limit else "" for limit in limits]
    return [*cells, f"{flops / 1e9:.4g}", f"{rate / 1e9:.4g}", *shares]


def _compared_cells(result: Result) -> list[str]:
    for measured in result.theirs:
        if measured.note:
            return [measured.note]
    typical = median(measured.median for measured in result.theirs)
    ratios = [ratio(result, what) for what in ("median", "peak_bytes", "flops")]
    return [f"{typical:.4g}", *(f"{x:.2f}" if x == x and x else "" for x in ratios)]


def _join(cells: list[str]) -> str:
    widths = [width for _, width in COLUMNS + COMPARED]
    first, *rest = (
        f"{cell:{width}}" if number == 0 else f"{cell:>{width}}"
        for number, (cell, width) in enumerate(zip(cells, widths, strict=False))
    )
    return " ".join([first, *rest]).rstrip()
