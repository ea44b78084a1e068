# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The console command `ppdeepfill VERB ...`.

Exit status: 0 on success, 1 if a check failed, 2 after an error the user can fix (with a message),
130 after an interruption.

The verbs are imported while Ctrl-C is watched for: it ends the command with one line from then on.
"""

import argparse
import contextlib
import difflib
import errno
import importlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence

from ppdeepfill import __version__, quieten_paddle
from ppdeepfill.errors import UserError
from ppdeepfill.terminal.interruption import STATUS, Interrupted, interruptible

VERBS = (
    "train",
    "test",
    "predict",
    "app",
    "export",
    "serve",
    "ablate",
    "curves",
    "convert",
    "attend",
    "align",
    "reproduce",
    "doctor",
    "completion",
)

_NO_PADDLE = """\
PaddlePaddle is not installed. From the root of this repository, run one of
  pip install -e ".[cpu]"    for the CPU
  pip install -e ".[gpu]"    for an NVIDIA GPU"""

_DISK_ADVICE = {
    errno.ENOSPC: "free some space, or write to another folder",
    errno.EDQUOT: "free some space, or write to another folder",
    errno.EACCES: "change its permissions, or use another path",
    errno.EPERM: "change its permissions, or use another path",
    errno.EFBIG: "this disk, or `ulimit -f`, allows no larger files: write to another folder",
    errno.EIO: "the disk may be failing: write to another one",
    errno.EROFS: "write to another folder",
    errno.ENOTDIR: "there is a file where a folder is needed: move it, or use another path",
    errno.EISDIR: "there is a folder where a file is needed: move it, or use another path",
    errno.ENAMETOOLONG: "use a shorter name",
    errno.EEXIST: "there is a file where a folder is needed: move it, or use another path",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status.

    Args:
        argv: arguments without the program name (default: those of the process).
    """
    try:
        with interruptible():
            return _status_of(argv)
    except Interrupted:
        print("interrupted", file=sys.stderr)
        return STATUS


def _status_of(argv: Sequence[str] | None) -> int:
    words = sys.argv[1:] if argv is None else argv
    arguments, unknown = _parser(_needed(words)).parse_known_args(words)
    if unknown:
        arguments.parser.error(_unknown_argument(unknown[0], arguments.flags))
    quieten_paddle()
    warnings.filterwarnings("ignore", module="PIL")  # its warnings do not name the file
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")  # its warnings do not name the file; ours do
    try:
        with _messages_on_stdout():
            arguments.run(arguments)
    except UserError as error:
        return _print_error(str(error), error.status)
    except ModuleNotFoundError as error:
        if error.name != "paddle":
            raise
        return _print_error(_NO_PADDLE)
    except BrokenPipeError:  # as in `--dry_run | head`: the reader has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes at exit
        return 141  # the status a shell reports for a process killed by SIGPIPE
    except OSError as error:
        if error.errno not in _DISK_ADVICE:
            raise
        return _print_error(
            f"{error.filename or 'disk'}: {error.strerror}; {_DISK_ADVICE[error.errno]}"
        )
    return 0


def _needed(words: Sequence[str]) -> Sequence[str]:
    """The verbs to load: one if it is named, so that its help comes at once, else all."""
    return words[:1] if words and words[0] in VERBS and words[0] != "completion" else VERBS


def _parser(needed: Sequence[str] = VERBS) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ppdeepfill", description="Image inpainting with Paddle.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for verb in needed:
        importlib.import_module(f"ppdeepfill.verbs.{verb}").add(verbs)
    return parser


def _unknown_argument(argument: str, flags: Sequence[str]) -> str:
    if "-o" in flags and "=" in argument and not argument.startswith("-"):
        return f"unknown argument {argument!r}; to set a key, write -o {argument}"
    near = difflib.get_close_matches(argument.split("=")[0], flags, n=1)
    hint = f"; did you mean {near[0]}?" if near else "; see --help for the known ones"
    return f"unknown argument {argument!r}{hint}"


@contextlib.contextmanager
def _messages_on_stdout() -> Iterator[None]:
    """Send the package's log to stdout only: Paddle's root logger would repeat each message."""
    logger = logging.getLogger("ppdeepfill")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # the terminal may not encode every name
    console = _Console(sys.stdout)
    logger.addHandler(console)
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(console)
        logger.setLevel(level)
        logger.propagate = propagate


class _Console(logging.StreamHandler):
    """Writes between progress bars, not into them.

    Ignores a closed pipe, as in `train.py | head`: a run continues, and log.txt has it all.
    """

    def emit(self, record: logging.LogRecord) -> None:
        bars = sys.modules.get("tqdm.std")  # if nothing has loaded it, there is no bar
        with bars.tqdm.external_write_mode(self.stream) if bars else contextlib.nullcontext():
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 logging's name
        if not isinstance(sys.exc_info()[1], BrokenPipeError):
            super().handleError(record)


def _print_error(message: str, status: int = 2) -> int:
    print(f"ppdeepfill: error: {message}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
