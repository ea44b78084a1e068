# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Versions of the code that computed a number, for logs and reports."""

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy
import paddle

import ppdeepfill


def versions() -> dict[str, str]:
    """Return the versions of the package (with commit) and its main dependencies, by name."""
    revision = commit()
    return {
        "ppdeepfill": ppdeepfill.__version__ + (f", commit {revision}" if revision else ""),
        "paddle": paddle.__version__,
        "numpy": numpy.__version__,
        "opencv": cv2.__version__,
        "scikit-image": version("scikit-image"),
        "scipy": version("scipy"),
        "python": platform.python_version(),
    }


def commit() -> str:
    """Return the commit of the package's repository, or "" if there is none."""
    repository = Path(__file__).resolve().parents[1]
    if not (repository / ".git").exists():
        return ""
    try:
        command = ["git", "-C", str(repository), "rev-parse", "--short", "HEAD"]
        run = subprocess.run(command, capture_output=True, text=True)
    except OSError:  # no git
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""
