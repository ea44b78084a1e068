# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Load the results of the reference implementations, see `arrays/README.md`."""

import zipfile
from pathlib import Path

import numpy as np
from numpy import ndarray

from ppdeepfill.errors import AlignmentError

FOLDER = Path(__file__).resolve().parent / "arrays"


def load(name: str) -> dict[str, ndarray]:
    """Load all arrays of one file.

    Args:
        name: name of a file in `arrays/`, without `.npz`.

    Raises:
        AlignmentError: the file is missing or damaged.
    """
    path = FOLDER / f"{name}.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise AlignmentError(
            f"cannot read the reference arrays {path}: {error}; they are part of the package, "
            "reinstall it or check out this file"
        ) from error
