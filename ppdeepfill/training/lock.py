# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Allow only one run at a time in an output_dir."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ppdeepfill.errors import UserError

try:
    import fcntl
except ImportError:  # Windows: no check there
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"


@contextmanager
def sole_use(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder until this process ends, however it ends.

    Raises:
        UserError: another run is using it.
    """
    with (folder / LOCK).open("w") as file:
        if fcntl is not None:
            try:
                # Not flock(): loader processes would inherit it and outlive a killed run.
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in (errno.EACCES, errno.EAGAIN):  # else: a disk without locks
                    raise UserError(
                        f"another run is writing to {folder}; wait until it ends, or set another "
                        "output_dir"
                    ) from None
        yield
