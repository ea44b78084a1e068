# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Fill holes: `python predict.py --image_path PHOTO --mask_path MASK`; see `--help`."""

import sys

try:
    from ppdeepfill.cli import main
except ModuleNotFoundError as error:
    print(f"{error.name} is not installed; run: pip install -e .", file=sys.stderr)
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(main(["predict", *sys.argv[1:]]))
