# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The protocol for measuring a program: `COMMAND ROW` prints one line of JSON, a `Measurement`.

Environment variables: BENCHMARK_REPEATS is the number of calls to measure, after a warm-up call;
OMP_NUM_THREADS the number of threads; BENCHMARK_FOLDER a folder shared by all rows of a program,
empty at first.
"""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

REPEATS = "BENCHMARK_REPEATS"
FOLDER = "BENCHMARK_FOLDER"


@dataclass(frozen=True)
class Measurement:
    """The result of measuring one row in one process.

    Attributes:
        seconds: time of each call.
        core_seconds: time of each call, summed over the cores; less affected by other processes.
        peak_bytes: peak memory of the process, including set-up.
        flops: operations in one call, see `Row`; 0 = not counted.
        items: images in one call.
        note: reason why there are no seconds.
    """

    seconds: list[float] = field(default_factory=list)
    core_seconds: list[float] = field(default_factory=list)
    peak_bytes: int = 0
    flops: int = 0
    items: int = 1
    note: str = ""

    @classmethod
    def from_json(cls, line: str) -> "Measurement":
        """Parse a line printed by a program.

        Raises:
            ValueError: it is not JSON, or not an object with these keys.
        """
        try:
            measured = cls(**json.loads(line))
        except TypeError as error:
            raise ValueError(f"not a measurement: {error}") from None
        if not measured.seconds and not measured.note:
            raise ValueError("a measurement must have seconds, or a note why it has none")
        return measured

    def to_json(self) -> str:
        """Return the line that `from_json` parses."""
        return json.dumps(asdict(self))

    @property
    def median(self) -> float:
        """Seconds of the median call; nan if there is none."""
        return median(self.seconds or [float("nan")])

    @property
    def core_median(self) -> float:
        """Core seconds of the median call; nan if not measured."""
        return median(self.core_seconds or [float("nan")])


def run_row(
    command: Sequence[str], row: str, *, repeats: int, threads: int, folder: Path
) -> Measurement:
    """Measure one row of a program in a new process; a failure becomes the measurement's note."""
    done = subprocess.run(
        [*command, row],
        env=os.environ | _settings(repeats, threads, folder),
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        return Measurement(note=_failure(done))
    try:
        return Measurement.from_json(lines[-1])
    except ValueError as error:
        return Measurement(note=f"its last line is not a measurement: {error}")


def _settings(repeats: int, threads: int, folder: Path) -> dict[str, str]:
    return {
        REPEATS: str(repeats),
        FOLDER: str(folder),
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
    }


def _failure(done: subprocess.CompletedProcess) -> str:
    if done.returncode < 0:
        return f"killed by signal {-done.returncode}; 9 usually means out of memory"
    last = (done.stderr.splitlines() or ["it printed nothing"])[-1]
    return f"failed with status {done.returncode}: {last}"
