# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Files and folders that appear under their name whole, or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ppdeepfill.errors import OutputError

PARTIAL = ".partial-"  # begins the name of what is still being written


@contextmanager
def written_whole(target: Path) -> Iterator[Path]:
    """A path to write a file or a folder to, which takes the name `target` once it is on disk.

    Whatever fails on the way, `target` stays as it was and nothing else stays. The files of a
    folder have to be synchronised by who writes them, see `synchronise`.
    """
    partial = target.with_name(PARTIAL + target.name)
    replaced = target.with_name(f"{PARTIAL}old-{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove(partial)
        yield partial
        synchronise(partial)
        if target.is_dir():  # a folder cannot be renamed over another
            target.rename(replaced)
        partial.replace(target)
        synchronise(target.parent)
    finally:
        _remove(partial)
        _remove(replaced)


@contextmanager
def files_written_whole(folder: Path, *, last: str) -> Iterator[Path]:
    """A folder to write files to, which appear in `folder` together, beside what else is there.

    Readers find the files through the one named `last`: an older one goes before any other file
    is replaced, and the new one comes after all of them. So nobody ever reads a mixture.
    """
    if not folder.exists():
        with written_whole(folder) as partial:
            partial.mkdir()
            yield partial
        return
    partial = folder / f"{PARTIAL}files"
    _remove(partial)
    try:
        partial.mkdir()
        yield partial
        (folder / last).unlink(missing_ok=True)
        for file in sorted(partial.iterdir(), key=lambda file: file.name == last):
            file.replace(folder / file.name)
        synchronise(folder)
    finally:
        _remove(partial)


def check_writable(folder: Path, *, change: str) -> None:
    """Before minutes are spent on what goes into a folder: try to write there, and leave nothing.

    Args:
        folder: it need not exist.
        change: which argument names another one, for the message.

    Raises:
        OutputError: neither it nor anything in it can be made.
    """
    existing = folder.absolute()
    while not os.path.lexists(existing):
        existing = existing.parent
    if not existing.is_dir():
        raise OutputError(f"cannot write to {folder}: {existing} is no folder; change {change}")
    try:
        with TemporaryDirectory(prefix=PARTIAL, dir=existing):
            pass
    except OSError as error:
        raise OutputError(
            f"cannot write to {folder}: {error.strerror or error} in {existing}; change {change}"
        ) from error


def synchronise(path: Path) -> None:
    """Put a file's content, or a folder's list of names, on disk."""
    if path.is_dir() and os.name != "posix":  # other systems neither need nor allow it
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process had begun to write into a folder."""
    for leftover in folder.glob(f"{PARTIAL}*"):
        _remove(leftover)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def file_identity(path: Path) -> tuple:
    """Equal for two names of one file, also through links; by its full name where there is none."""
    try:
        status = path.stat()
    except OSError:
        return (str(path.resolve()),)
    return status.st_dev, status.st_ino
