# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The command line of benchmarks/run.py: choose rows, measure each in its own process, print."""

import argparse
import json
import os
import platform
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from fnmatch import fnmatch
from pathlib import Path

from benchmarks.machine import CONVOLUTION, PRODUCT
from benchmarks.protocol import Measurement, run_row
from benchmarks.row import Row
from benchmarks.rows import ROWS
from benchmarks.table import Result, header, line

OURS = (sys.executable, str(Path(__file__).with_name("measure.py")))


def main(argv: Sequence[str] | None = None) -> int:
    """Measure or compute the requested rows, print them, and return the exit status."""
    arguments = _parser().parse_args(argv)
    if arguments.costs:
        from benchmarks.cost_tables import cost_tables

        print(cost_tables())
        return 0
    rows = _chosen(arguments.rows, quick=arguments.quick)
    if not rows:
        print(f"no such row; known rows: {', '.join(ROWS)}", file=sys.stderr)
        return 2
    print(_machine(arguments.threads), header(compared=bool(arguments.compare)), sep="\n\n")
    results = _measure(rows, arguments)
    if arguments.json:
        numbers = {name: asdict(result) for name, result in results.items()}
        arguments.json.write_text(json.dumps(numbers, indent=1), encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Measure ppdeepfill on this machine. The rows machine/* are always measured, "
        "since the other rows are compared with them.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", help="names or patterns, e.g. 'dygraph/*' (default: all)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="small sizes and two calls; takes two minutes"
    )
    parser.add_argument(
        "--repeats", type=int, metavar="N", help="measured calls (default: 5, with --quick 2)"
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=os.cpu_count(),
        metavar="N",
        help="number of threads (default: all cores)",
    )
    parser.add_argument(
        "--compare",
        type=shlex.split,
        metavar="CMD",
        help="also measure another program, CMD ROW, alternating with this one: A B A B",
    )
    parser.add_argument(
        "--rounds", type=int, metavar="N", help="processes per row (default: 1, with --compare 2)"
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all numbers to a file")
    parser.add_argument(
        "--costs",
        action="store_true",
        help="measure nothing, only print FLOPs, bytes and expected times",
    )
    return parser


def _chosen(patterns: Sequence[str], *, quick: bool) -> list[Row]:
    """Return the rows machine/*, then those that match the patterns."""
    named = [
        row
        for row in ROWS.values()
        if not patterns or any(fnmatch(row.name, pattern) for pattern in patterns)
    ]
    if not named:
        return []
    limits = [row for row in ROWS.values() if row.name.startswith("machine/") and row not in named]
    return [row for row in limits + named if row.quick or not quick]


def _measure(rows: Sequence[Row], arguments: argparse.Namespace) -> dict[str, Result]:
    """Print a line per row as soon as it is measured."""
    results: dict[str, Result] = {}
    rounds = arguments.rounds or (2 if arguments.compare else 1)
    repeats = arguments.repeats or (2 if arguments.quick else 5)
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        for row in rows:
            result = Result([], [])
            for _ in range(rounds):
                for command, folder, measured in (
                    (OURS, ours, result.ours),
                    (arguments.compare, theirs, result.theirs),
                ):
                    if command:
                        settings = {"repeats": repeats, "threads": arguments.threads}
                        measured.append(run_row(command, row.name, **settings, folder=Path(folder)))
            results[row.name] = result
            limits = [_best_rate(results, prefix) for prefix in (PRODUCT, CONVOLUTION)]
            print(line(row.name, result, limits), flush=True)
    return results


def _best_rate(results: dict[str, Result], prefix: str) -> float:
    """Return FLOPs per second of the fastest row with this prefix; 0 if none was measured."""
    measured = [m for name, r in results.items() if name.startswith(prefix) for m in r.ours]
    return max((_rate(m) for m in measured if m.seconds), default=0.0)


def _rate(measured: Measurement) -> float:
    return measured.flops / min(measured.seconds)


def _machine(threads: int) -> str:
    """Describe the machine, and whether something else was running."""
    words = f"{platform.machine()}, {os.cpu_count()} cores, {threads} threads, {platform.system()}"
    if hasattr(os, "getloadavg"):
        load = os.getloadavg()[0]
        words += f", load {load:.1f}"
        if load > 0.5:
            words += " before the start: OTHER PROCESSES ARE RUNNING, times are not comparable"
    return words
