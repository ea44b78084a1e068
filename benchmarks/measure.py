# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""One row in a process of its own: python benchmarks/measure.py ROW.

The other side of `benchmarks.protocol`: prints one line of JSON. Any program that does so for the
same names can be measured beside this one.
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
    """Prepare a row, call it once unmeasured, then `repeats` times; counts its FLOPs last."""
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
    """Of all threads, and of processes that it started and that ended."""
    return sum(usage.ru_utime + usage.ru_stime for usage in _usages())


def _peak_bytes(set_up: int) -> int:
    """The most memory that this process, or one that it started since the set-up, has held.

    Args:
        set_up: what `_peak_of_ended_processes` said after it.
    """
    started = _peak_of_ended_processes()
    peak = _usages()[0].ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * max(peak, started if started > set_up else 0)


def _peak_of_ended_processes() -> int:
    """Of the largest of those that this process started, in the system's unit."""
    return _usages()[1].ru_maxrss


def _usages() -> list:
    import resource  # not on Windows

    return [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]


if __name__ == "__main__":
    result = measure(ROWS[sys.argv[1]], int(os.environ.get(REPEATS, 5)))
    print(result.to_json(), flush=True)
    os._exit(0)  # what is left running or open has no more to say
