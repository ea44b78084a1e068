# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The console command `ppdeepfill VERB ...`.

What a person can mend ends in a message and exit status 2, checks that fail in 1, an interruption
in 130.
"""

import argparse
import contextlib
import difflib
import errno
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence

from ppdeepfill import __version__, quieten_paddle
from ppdeepfill.errors import UserError
from ppdeepfill.verbs import align, attend, convert, export, predict, reproduce, test, train

VERBS = (train, test, predict, export, convert, attend, align, reproduce)

_NO_PADDLE = """\
PaddlePaddle is not installed. From the folder of this repository run one of
  pip install -e ".[cpu]"    for the processor
  pip install -e ".[gpu]"    for an NVIDIA card"""

_DISK_ADVICE = {
    errno.ENOSPC: "free some space, or write to another folder",
    errno.EDQUOT: "free some space, or write to another folder",
    errno.EACCES: "change its permissions, or use another path",
    errno.EPERM: "change its permissions, or use another path",
    errno.EROFS: "write to another folder",
    errno.ENOTDIR: "a file is where a folder is needed: move it, or use another path",
    errno.EISDIR: "a folder is where a file is needed: move it, or use another path",
    errno.ENAMETOOLONG: "use a shorter name",
    errno.EEXIST: "a file is where a folder is needed: move it, or use another path",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status.

    Args:
        argv: arguments without the program name; those of the process by default.
    """
    arguments, unknown = _parser().parse_known_args(argv)
    if unknown:
        arguments.parser.error(_unknown_argument(unknown[0], arguments.flags))
    quieten_paddle()
    warnings.filterwarnings("ignore", module="PIL")  # about metadata, without the file's name
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")  # its warnings name no file, ours do
    try:
        with _messages_on_stdout():
            arguments.run(arguments)
    except UserError as error:
        return _fail(str(error), error.status)
    except ModuleNotFoundError as error:
        if error.name != "paddle":
            raise
        return _fail(_NO_PADDLE)
    except BrokenPipeError:  # of `--dry_run | head`: the reader has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes at its end
        return 141  # what a shell says of a process that SIGPIPE ended
    except OSError as error:
        if error.errno not in _DISK_ADVICE:
            raise
        return _fail(f"{error.filename or 'disk'}: {error.strerror}; {_DISK_ADVICE[error.errno]}")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ppdeepfill", description="Image inpainting with Paddle.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for verb in VERBS:
        verb.add(verbs)
    return parser


def _unknown_argument(argument: str, flags: Sequence[str]) -> str:
    if "-o" in flags and "=" in argument and not argument.startswith("-"):
        return f"unknown argument {argument!r}; to set a key, write -o {argument}"
    near = difflib.get_close_matches(argument.split("=")[0], flags, n=1)
    hint = f"; did you mean {near[0]}?" if near else "; --help lists the known ones"
    return f"unknown argument {argument!r}{hint}"


@contextlib.contextmanager
def _messages_on_stdout() -> Iterator[None]:
    """Plain messages of the package on stdout, and nowhere else: Paddle's root logger echoes."""
    logger = logging.getLogger("ppdeepfill")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name need not fit the terminal
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
    """A run outlives the reader of its messages, as in `train.py | head`: log.txt has them too."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 logging's name
        if not isinstance(sys.exc_info()[1], BrokenPipeError):
            super().handleError(record)


def _fail(message: str, status: int = 2) -> int:
    print(f"ppdeepfill: error: {message}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
