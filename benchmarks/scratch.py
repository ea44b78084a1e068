# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Folders for files that rows need and share: written by one row, reused by the next."""

import os
import tempfile
from pathlib import Path

from benchmarks.protocol import FOLDER


def scratch_folder(name: str) -> Path:
    """Return a folder for the rows of this run."""
    folder = Path(os.environ.get(FOLDER) or tempfile.mkdtemp()) / name
    folder.mkdir(exist_ok=True)
    return folder
