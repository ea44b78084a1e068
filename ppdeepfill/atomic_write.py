# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Write files and folders that appear under their final name complete, or not at all.

Two commands that write the same file, or work in the same folder, are kept apart by locks, which
end with their process however it ends. On Windows there are no locks.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile

from ppdeepfill.errors import OutputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PARTIAL = ".partial-"  # prefix of names still being written
REPLACED = f"{PARTIAL}old-"  # prefix of folders about to be replaced
LOCK = ".lock"  # in a folder that one command uses alone


@contextmanager
def written_whole(target: Path) -> Iterator[Path]:
    """Yield a temporary path for a file or folder that is renamed to `target` once it is on disk.

    If anything fails, `target` is left as it was and the temporary files are removed. When writing
    a folder, the caller must call `synchronise` on each file in it.

    Raises:
        OutputError: another process is writing `target`.
    """
    partial = target.with_name(PARTIAL + target.name)
    replaced = target.with_name(REPLACED + target.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _sole_writer(target):
        _put_back(replaced)
        _remove(partial)
        try:
            yield partial
            synchronise(partial)
            if target.is_dir():  # a folder cannot be renamed over another
                target.rename(replaced)
            partial.replace(target)
            synchronise(target.parent)
        finally:
            _put_back(replaced)
            _remove(partial)


@contextmanager
def files_written_whole(folder: Path, *, last: str) -> Iterator[Path]:
    """Yield a temporary folder whose files are moved into `folder` together.

    Other files in `folder` are kept. Readers find the files through the one named `last`: its old
    version is deleted before any other file is replaced, and the new one is moved last, so nobody
    ever reads a mixture of old and new files.

    Raises:
        OutputError: another process is writing there.
    """
    if not folder.exists():
        with written_whole(folder) as partial:
            partial.mkdir()
            yield partial
        return
    partial = folder / f"{PARTIAL}files"
    with _sole_writer(folder):
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


@contextmanager
def sole_use(folder: Path, *, change: str) -> Iterator[None]:
    """Keep other commands out of a folder for as long as this context, or this process, lasts.

    Args:
        folder: it is created, and removed again if nothing is written to it.
        change: the argument that sets the folder, for the message.

    Raises:
        OutputError: another command is using it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _locked(folder / LOCK) as alone:
            if not alone:
                raise OutputError(
                    f"another run is writing to {folder}; wait until it ends, or set another "
                    f"{change}"
                )
            yield
    finally:
        with suppress(OSError):  # it is not empty
            folder.rmdir()


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
        with TemporaryFile(prefix=PARTIAL, dir=existing):  # on Linux without a name to be left
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


def remove_whole(folder: Path) -> None:
    """Remove a folder so that nobody ever finds a part of it."""
    partial = folder.with_name(PARTIAL + folder.name)
    _remove(partial)
    folder.rename(partial)
    _remove(partial)


def remove_leftovers(folder: Path) -> None:
    """Remove partial files that a killed process left in a folder; nothing may be writing there."""
    for replaced in folder.glob(f"{REPLACED}*"):
        _put_back(replaced)
    for leftover in folder.glob(f"{PARTIAL}*"):
        _remove(leftover)


def _put_back(replaced: Path) -> None:
    """Give a folder its name back if the process that was replacing it got no further."""
    target = replaced.with_name(replaced.name.removeprefix(REPLACED))
    if replaced.exists() and not target.exists():
        replaced.rename(target)
    _remove(replaced)


@contextmanager
def _sole_writer(target: Path) -> Iterator[None]:
    """Refuse to write a file or folder while another process does."""
    with _locked(target.with_name(f"{PARTIAL}lock-{target.name}")) as alone:
        if not alone:
            raise OutputError(
                f"another command is writing {target}; wait until it ends, or write elsewhere"
            )
        yield


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold a lock file, which is removed at the end; yield False if another process holds it."""
    if fcntl is None:
        yield True
        return
    while True:
        with path.open("w") as file:
            if not _lock(file.fileno()):
                yield False
                return
            if file_identity(path) != _identity(os.fstat(file.fileno())):
                continue  # its holder has just removed it
            try:
                yield True
            finally:
                path.unlink(missing_ok=True)
            return


def _lock(file: int) -> bool:
    """Lock an open file until it is closed or the process ends; False if another process has."""
    try:
        # Not flock(): loader processes would inherit it and outlive a killed run.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EACCES, errno.EAGAIN)  # else: a disk without locks
    return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def file_identity(path: Path) -> tuple:
    """Equal for two names of the same file, even through links; its full name if it is missing."""
    try:
        return _identity(path.stat())
    except OSError:
        return (str(path.resolve()),)


def _identity(status: os.stat_result) -> tuple:
    return status.st_dev, status.st_ino
