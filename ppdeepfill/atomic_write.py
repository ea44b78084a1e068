# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Write files and folders that appear under their final name complete, or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ppdeepfill.errors import OutputError

PARTIAL = ".partial-"  # prefix of names still being written


@contextmanager
def written_whole(target: Path) -> Iterator[Path]:
    """Yield a temporary path for a file or folder that is renamed to `target` once it is on disk.

    If anything fails, `target` is left as it was and the temporary files are removed. When writing
    a folder, the caller must call `synchronise` on each file in it.
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
    """Yield a temporary folder whose files are moved into `folder` together.

    Other files in `folder` are kept. Readers find the files through the one named `last`: its old
    version is deleted before any other file is replaced, and the new one is moved last, so nobody
    ever reads a mixture of old and new files.
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
    """Check that a folder can be written to, before spending minutes on its contents.

    Leaves nothing behind.

    Args:
        folder: it need not exist.
        change: the argument that sets the folder, for the message.

    Raises:
        OutputError: the folder cannot be created or written to.
    """
    existing = folder.absolute()
    while not os.path.lexists(existing):
        existing = existing.parent
    if not existing.is_dir():
        raise OutputError(f"cannot write to {folder}: {existing} is not a folder; change {change}")
    try:
        with TemporaryDirectory(prefix=PARTIAL, dir=existing):
            pass
    except OSError as error:
        raise OutputError(
            f"cannot write to {folder}: {error.strerror or error} in {existing}; change {change}"
        ) from error


def synchronise(path: Path) -> None:
    """Flush a file's contents, or a folder's list of names, to disk."""
    if path.is_dir() and os.name != "posix":  # other systems neither need nor allow this
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_leftovers(folder: Path) -> None:
    """Remove partial files that a killed process left in a folder."""
    for leftover in folder.glob(f"{PARTIAL}*"):
        _remove(leftover)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def file_identity(path: Path) -> tuple:
    """Equal for two names of the same file, even through links; its full name if it is missing."""
    try:
        status = path.stat()
    except OSError:
        return (str(path.resolve()),)
    return status.st_dev, status.st_ino
