# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Measure ppdeepfill: python benchmarks/run.py [ROW ...]. See docs/benchmarks.md."""

import sys
from pathlib import Path

# Measure this checkout, even if another ppdeepfill is installed.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.command_line import main  # noqa: E402 needs the path

if __name__ == "__main__":
    sys.exit(main())
