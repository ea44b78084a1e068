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
import fcntl
import json
import os
import resource
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import paddle
from kill_jobs import JOBS, ORDER, Job
from numpy.random import Generator

import ppdeepfill.ablation.ablate
import ppdeepfill.deployment.exporting
import ppdeepfill.training.trainer
import ppdeepfill.weights.convert  # noqa: F401 all that the commands import
from ppdeepfill.cli import main
from ppdeepfill.errors import UserError

SECONDS = 300  # for one command; more is a hang
MOST_OUTPUT = 1 << 20  # bytes that a pipe holds, so that no command waits for its reader
ORPHANS = 10.0  # s in which loading processes must follow a killed run
FILE_CALLS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"}  # audit events
KILLED = {"time": signal.SIGKILL, "call": signal.SIGKILL, "byte": signal.SIGXFSZ}
MOMENTS = (*KILLED, "full")


class Moment(NamedTuple):
    """When a command is killed, or stopped by a full disk.

    Attributes:
        kind: "time": after so many seconds, from outside; "call": by itself, before its file
            operation of that number; "byte": while it writes that byte of any file; "full": no
            file may be longer, and the command has to end with a message.
        value: seconds, number of the operation, or number of the byte.
    """

    kind: str
    value: float

    def arm(self, folder: Path) -> None:
        """Prepare the end of this process."""
        if self.kind == "call":
            count_file_calls(folder, last=int(self.value))
        elif self.kind in ("byte", "full"):
            if self.kind == "byte":  # the system ends the process; what it wrote before stays
                signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(self.value), int(self.value)))


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


def count_file_calls(folder: Path, *, last: int | None = None) -> list[int]:
    """Count changes of files and folders below a folder; kill this process before the last one."""
    count = [0]
    prefix = str(folder)

    def count_call(event: str, arguments: tuple) -> None:
        if event == "open":
            path, mode, flags = arguments
            changes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)
        else:
            path, changes = (arguments or ("",))[0], event in FILE_CALLS
        if changes and isinstance(path, (str, os.PathLike)):
            if not str(Path(path).absolute()).startswith(prefix):
                return
            count[0] += 1
            if count[0] == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count_call)
    return count


class Started(NamedTuple):
    """A command that runs.

    Attributes:
        process: its number, and that of its process group.
        output: a pipe, so that its output does not depend on a disk.
    """

    process: int
    output: int

    def wait(self, *, kill_after: float = SECONDS) -> tuple[int, str]:
        """Return the status, negative if a signal ended it, and the output.

        Args:
            kill_after: seconds after which it is killed.
        """
        ends, status = time.monotonic() + kill_after, None
        while status is None and time.monotonic() < ends:
            found, how = os.waitpid(self.process, os.WNOHANG)
            status = os.waitstatus_to_exitcode(how) if found else None
            time.sleep(0.002)
        if status is None:
            os.kill(self.process, signal.SIGKILL)
            status = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        check_nothing_runs(self.process)
        with os.fdopen(self.output, "rb") as output:
            return status, output.read().decode(errors="replace")


def start(job: Job, folder: Path, moment: Moment | None = None) -> Started:
    """Start the command of a job in a process group of its own."""
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, MOST_OUTPUT)
    process = os.fork()
    if process:
        os.close(write)
        return Started(process, read)
    status = 99
    try:
        os.setsid()
        os.chdir(folder)
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(write, number)
            setattr(sys, name, os.fdopen(number, "w", buffering=1, closefd=False))
        counted = [0]
        if moment is None:
            counted = count_file_calls(folder)
        else:
            moment.arm(folder)
        status = main(job.command)
        if moment is None:
            (folder / "calls.txt").write_text(str(counted[0]))
    except SystemExit as error:
        status = error.code
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def check_nothing_runs(group: int) -> None:
    """Processes that a killed one had started end by themselves."""
    ends = time.monotonic() + ORPHANS
    while time.monotonic() < ends:
        if not _running(group):
            return
        time.sleep(0.05)
    left = _running(group)
    os.killpg(group, signal.SIGKILL)
    raise AssertionError(f"{len(left)} processes of a killed command still run")


def _running(group: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] != "Z":
                found.append(int(entry.name))
    return found


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
        status, text = start(job, place, moment).wait(kill_after=after)
        assert "Traceback" not in text, text[-2000:]
        job.check(place)
        if moment.kind == "full":
            assert status in (0, 2), f"status {status}: {text[-2000:]}"
            left = _partial(place) - before
            assert not left, f"left over by a full disk: {left}"
        else:
            assert status in (0, -KILLED[moment.kind]), f"status {status}: {text[-2000:]}"
        return status != 0

    def _finish(self, name: str, place: Path) -> None:
        """Let a command end, and compare its results with those of one that was not killed."""
        status, text = start(JOBS[name], place).wait()
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
        status, text = start(JOBS[name], place).wait()
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
