# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Measure one row in this process: python benchmarks/measure.py ROW.

Prints one line of JSON, as `benchmarks.protocol` expects. Any program that does so for rows of the
same names can be compared with this one.
"""

import os
import sys
import time
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.protocol import REPEATS, Measurement  # noqa: E402 needs the path
from benchmarks.row import Row, Skip  # noqa: E402
from benchmarks.rows import ROWS  # noqa: E402


def measure(row: Row, repeats: int) -> Measurement:
    """Prepare a row, make one warm-up call, then measure `repeats` calls; counts its FLOPs last."""
    try:
        call = row.prepare()
    except Skip as reason:
        return Measurement(note=str(reason))
    set_up = _peak_of_ended_processes()
    call()
    seconds, core_seconds = [], []
    for _ in range(min(repeats, row.most_calls)):
        start, core_start = time.perf_counter(), _core_seconds()
        call()
        seconds.append(time.perf_counter() - start)
        core_seconds.append(_core_seconds() - core_start)
    peak = _peak_bytes(set_up)
    return Measurement(seconds, core_seconds, peak, flops=row.flops(), items=row.items)


def _core_seconds() -> float:
    """Return the CPU time of all threads, and of child processes that have ended."""
    return sum(usage.ru_utime + usage.ru_stime for usage in _usages())


def _peak_bytes(set_up: int) -> int:
    """Return the peak memory of this process, or of a child started since the set-up.

    Args:
        set_up: result of `_peak_of_ended_processes` after the set-up.
    """
    started = _peak_of_ended_processes()
    peak = _usages()[0].ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * max(peak, started if started > set_up else 0)


def _peak_of_ended_processes() -> int:
    """Return the peak memory of the largest child process that has ended, in the system's unit."""
    return _usages()[1].ru_maxrss


def _usages() -> list:
    import resource  # not on Windows

    return [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]


if __name__ == "__main__":
    result = measure(ROWS[sys.argv[1]], int(os.environ.get(REPEATS, 5)))
    print(result.to_json(), flush=True)
    os._exit(0)  # do not wait for anything still running or open
