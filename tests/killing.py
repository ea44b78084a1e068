# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Processes that are killed at a chosen moment; used by `kills.py`."""

import fcntl
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import NamedTuple

from ppdeepfill.cli import main

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
            file may be longer, and the command has to end with a message and status 1 or 2.
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


def start(command: list[str], folder: Path, moment: Moment | None = None) -> Started:
    """Start `ppdeepfill` with arguments, in a process group of its own."""
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
        status = main(command)
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
