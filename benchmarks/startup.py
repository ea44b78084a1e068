# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Rows: start-up time, from the shell to the first result."""

import functools
import os
import subprocess
import sys

from benchmarks.row import Row

FIRST_PICTURE = """
import numpy as np
from ppdeepfill.inference.inpainter import Inpainter
from ppdeepfill.networks import build_network
image, mask = np.zeros([256, 256, 3], np.uint8), np.zeros([256, 256], np.uint8)
mask[64:192, 64:192] = 255
Inpainter(build_network("deepfill_v1"))(image, mask)
"""
COMMANDS = {
    "help": ["-m", "ppdeepfill.cli", "train", "--help"],
    "import": ["-c", "import ppdeepfill.inference.inpainter"],
    "first_picture": ["-c", FIRST_PICTURE],
}


def rows() -> list[Row]:
    return [
        Row(f"startup/{name}", functools.partial(_prepare, command), quick=name == "import")
        for name, command in COMMANDS.items()
    ]


def _prepare(command: list[str]):
    environment = os.environ | {"PYTHONPATH": sys.path[0]}
    return functools.partial(
        subprocess.run, [sys.executable, *command], env=environment, capture_output=True, check=True
    )
