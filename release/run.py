# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Release a network and renew its results: python release/run.py [RUN]."""

import sys
from pathlib import Path

# Release this checkout, even if another ppdeepfill is installed.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from release.command_line import main  # noqa: E402 needs the path

if __name__ == "__main__":
    sys.exit(main())
