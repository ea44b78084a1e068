# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""One run at a time in an output_dir."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ppdeepfill.errors import UserError

try:
    import fcntl
except ImportError:  # Windows: nothing is checked there
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"


@contextmanager
def sole_use(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder; however this process ends, the folder is free then.

    Raises:
        UserError: another run uses it.
    """
    with (folder / LOCK).open("w") as file:
        if fcntl is not None:
            try:
                # Not flock(): loading processes would inherit it and outlive a killed run.
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in (errno.EACCES, errno.EAGAIN):  # else: a disk without locks
                    raise UserError(
                        f"another run writes to {folder}; wait for its end, or set another "
                        "output_dir"
                    ) from None
        yield
