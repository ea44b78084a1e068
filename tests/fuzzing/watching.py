# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What a hostile file must never achieve, reported by Python's audit hooks while it is read."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
RUNNING = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "ctypes.dlopen")
CHANGING = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod")
LIBRARIES = (sys.prefix, sys.base_prefix, str(Path(__file__).resolve().parents[2]), "<frozen")


class Trespass(BaseException):
    """Something ran, connected or wrote outside its folder.

    A BaseException, so that no `except Exception` of the program under test swallows it.
    """


_folder: Path | None = None  # while reading is watched; audit hooks cannot be removed


@contextmanager
def watched(folder: Path) -> Iterator[None]:
    """Raise `Trespass` if code runs, or a file outside `folder` changes, inside this context."""
    global _folder
    _folder, usual = folder.resolve(), tempfile.tempdir
    tempfile.tempdir = str(_folder)
    try:
        yield
    finally:
        _folder, tempfile.tempdir = None, usual


def _check(event: str, arguments: tuple[Any, ...]) -> None:
    if _folder is None:
        return
    if event in RUNNING or event in ("socket.connect", "pickle.find_class"):
        raise Trespass(f"{event} {arguments!r:.200}")
    if event == "exec" and not str(arguments[0].co_filename).startswith(LIBRARIES):
        raise Trespass(f"runs code from {arguments[0].co_filename}")
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
    if (writes or event in CHANGING) and not _inside(arguments[0]):
        raise Trespass(f"{event} {arguments!r:.200}")


def _inside(path: Any) -> bool:
    if isinstance(path, int):  # a file that is open already
        return True
    return Path(os.fsdecode(path)).resolve().is_relative_to(_folder)


sys.addaudithook(_check)
