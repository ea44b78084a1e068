# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Score methods on images with fixed holes: `python test.py`; `--help` lists every flag."""

import sys

try:
    from ppdeepfill.cli import main
except ModuleNotFoundError as error:
    print(f"{error.name} is not installed; run: pip install -e .", file=sys.stderr)
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(main(["test", *sys.argv[1:]]))
