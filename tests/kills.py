# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Kill commands at random moments, continue them, and compare with commands that were never killed.

Some are not killed, but find the disk full.

    python tests/kills.py --kills 500 --folder output/kills

A round starts one command in a new folder and kills it again and again, until it ends or has been
killed often enough and may end. After every kill, what is on disk is checked; at the end, all
files are compared byte for byte. A round depends on the seed and its number alone, up to the speed
of the machine. Rounds are recorded in FOLDER/rounds.jsonl: the same command continues, and sums up.

Processes are forked from this one, which has imported everything but computed nothing, because
importing Paddle takes longer than what is killed.
"""

import argparse
import json
import os
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import paddle
from kill_jobs import JOBS, ORDER, Job
from killing import KILLED, MOMENTS, SECONDS, Moment, start
from numpy.random import Generator

import ppdeepfill.ablation.ablate
import ppdeepfill.deployment.exporting
import ppdeepfill.training.trainer
import ppdeepfill.weights.convert  # noqa: F401 all that the commands import
from ppdeepfill.errors import UserError


class Measured(NamedTuple):
    """A command that was not killed.

    Attributes:
        seconds: how long it took.
        calls: how many file operations it made.
        largest: bytes of the largest file of its results.
        results: see `Job`.
    """

    seconds: float
    calls: int
    largest: int
    results: dict[str, bytes]


class Killer:
    """Runs rounds in a folder.

    Args:
        folder: for commands, and for the record of the rounds.
        seed: determines all moments.
        jobs: names of the commands.
    """

    def __init__(self, folder: Path, *, seed: int, jobs: list[str]):
        self.folder = folder.resolve()
        self.seed = seed
        self.jobs = jobs
        self.measured: dict[str, Measured] = {}

    def round(self, number: int) -> dict:
        """Run one round and return its record."""
        rng = np.random.default_rng([self.seed, number])
        name = self.jobs[number % len(self.jobs)]
        measured = self._measure(name)
        place, kills = self._place(name, f"round_{number}"), Counter()
        record = {"round": number, "job": name, "seed": self.seed}
        moments = []
        try:
            for _ in range(JOBS[name].kills):
                moment = _moment(rng, measured)
                moments.append(list(moment))
                if not self._killed(JOBS[name], place, moment):
                    break
                kills[moment.kind] += 1
            self._finish(name, place)
        except (AssertionError, UserError) as error:
            return {**record, "kills": kills, "moments": moments, "fault": str(error)}
        shutil.rmtree(place)
        return {**record, "kills": kills}

    def _killed(self, job: Job, place: Path, moment: Moment) -> bool:
        """Run a command with a moment to kill it; return whether it was killed before its end."""
        before = _partial(place)
        after = moment.value if moment.kind == "time" else SECONDS
        status, text = start(job.command, place, moment).wait(kill_after=after)
        assert "Traceback" not in text, text[-2000:]
        job.check(place)
        if moment.kind == "full":
            assert status in (0, 1, 2), f"status {status}: {text[-2000:]}"
            left = _partial(place) - before
            assert not left, f"left over by a full disk: {left}"
        else:
            assert status in (0, -KILLED[moment.kind]), f"status {status}: {text[-2000:]}"
        return status != 0

    def _finish(self, name: str, place: Path) -> None:
        """Let a command end, and compare its results with those of one that was not killed."""
        status, text = start(JOBS[name].command, place).wait()
        assert status == 0, f"status {status}: {text[-2000:]}"
        JOBS[name].check(place)
        found, expected = JOBS[name].results(place), self.measured[name].results
        assert found.keys() == expected.keys(), f"other files: {found.keys() ^ expected.keys()}"
        other = [file for file in found if found[file] != expected[file]]
        assert not other, f"other contents: {other}"
        left = _partial(place)
        assert not left, f"left over: {left}"

    def _measure(self, name: str) -> Measured:
        """Run a command twice without killing it; the results must be equal."""
        if name not in self.measured:
            both = [self._uninterrupted(name, f"whole_{name}_{i}") for i in (1, 2)]
            first, second = (measured.results for measured in both)
            other = [f for f in first | second if first.get(f) != second.get(f)]
            assert not other, f"two runs of {name} that were not killed differ: {other}"
            self.measured[name] = both[1]
        return self.measured[name]

    def _uninterrupted(self, name: str, folder: str) -> Measured:
        place = self._place(name, folder)
        started = time.monotonic()
        status, text = start(JOBS[name].command, place).wait()
        seconds = time.monotonic() - started
        assert status == 0, text[-2000:]
        calls = int((place / "calls.txt").read_text())
        results = JOBS[name].results(place)
        return Measured(seconds, calls, max(map(len, results.values())), results)

    def _place(self, name: str, folder: str) -> Path:
        """A new folder with the inputs of a command; they are written once."""
        template = self.folder / f"inputs_{name}"
        if not template.exists():
            partial = self.folder / "inputs.partial"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            process = os.fork()
            if not process:
                paddle.seed(1)
                JOBS[name].prepare(partial)
                os._exit(0)
            assert os.waitpid(process, 0)[1] == 0
            partial.rename(template)
        place = self.folder / folder
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(template, place)
        return place


def _moment(rng: Generator, measured: Measured) -> Moment:
    kind = MOMENTS[rng.integers(len(MOMENTS))]
    if kind == "time":
        return Moment(kind, rng.uniform(0, 0.5 * measured.seconds))
    if kind == "call":
        return Moment(kind, int(rng.integers(1, measured.calls + 1)))
    return Moment(kind, int(rng.integers(measured.largest)))


def _partial(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob(".partial*")}


def kills_in(records: list[dict]) -> Counter:
    """How often commands were killed, by kind."""
    kills = sum((Counter(record["kills"]) for record in records), Counter())
    return Counter({kind: kills[kind] for kind in KILLED})


def summary(records: list[dict]) -> str:
    """Say how many kills of which command and kind there were, and which rounds failed."""
    lines = []
    for job in [*dict.fromkeys(record["job"] for record in records), "all"]:
        own = [record for record in records if job in (record["job"], "all")]
        kills, full = kills_in(own), sum(record["kills"].get("full", 0) for record in own)
        kinds = ", ".join(f"{kills[kind]} by {kind}" for kind in KILLED)
        lines.append(
            f"{job}: {len(own)} rounds, {kills.total()} kills ({kinds}), {full} full disks"
        )
    faults = [record for record in records if "fault" in record]
    lines.append(f"{len(faults)} rounds failed")
    lines += [f"round {r['round']} ({r['job']}): {r['fault']}" for r in faults]
    return "\n".join(lines)


def run() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=500, help="how many at least")
    parser.add_argument("--folder", type=Path, default=Path("output/kills"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=ORDER)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    file = arguments.folder / "rounds.jsonl"
    records = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    killer = Killer(arguments.folder, seed=arguments.seed, jobs=arguments.jobs)
    while kills_in(records).total() < arguments.kills:
        records.append(killer.round(len(records)))
        with file.open("a") as record:
            record.write(json.dumps(records[-1]) + "\n")
    print(summary(records))
    return 1 if any("fault" in record for record in records) else 0


if __name__ == "__main__":
    sys.exit(run())
