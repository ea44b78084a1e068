# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Write a trained network for deployment: `python export.py --model_path output/NAME`."""

import sys

try:
    from ppdeepfill.cli import main
except ModuleNotFoundError as error:
    print(f"{error.name} is not installed; run: pip install -e .", file=sys.stderr)
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(main(["export", *sys.argv[1:]]))
