# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Compare the pictures of several runs of inference, and these with stored numbers.

    python test_tipc/compare_results.py --log_file='test_tipc/output/.../python_infer_*.log'
        --gt_file=test_tipc/results/python_deepfill_v1_results_fp32.txt

The pictures of `NAME.log` are in the folder `NAME` beside it. Each picture is compared by the mean
colours, in 0..255, of 4 x 4 fields. Exit status: 0 if all agree, 1 if not.
"""

import argparse
import glob
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy import ndarray
from PIL import Image

FIELDS = 4  # per side
Numbers = dict[str, ndarray]  # name of a picture -> mean colours, float64 [4 * 4 * channels]


def main(argv: Sequence[str] | None = None) -> int:
    """Compare, and return the exit status."""
    arguments = _parse(argv)
    # Path.glob does not accept absolute patterns.
    names = (name for pattern in arguments.log_file for name in glob.glob(pattern))  # noqa: PTH207
    logs = sorted(map(Path, names))
    if not logs:
        print(f"there is no log {' '.join(arguments.log_file)}", file=sys.stderr)
        return 1
    runs = {str(log): numbers_of(log.with_suffix("")) for log in logs}
    if arguments.write:
        arguments.write.write_text(to_text(runs[str(logs[0])]), encoding="utf-8")
        print(f"wrote {arguments.write}")
    source = str(arguments.gt_file or logs[0])
    expected = from_text(arguments.gt_file) if arguments.gt_file else runs[source]
    found = [
        f"{name} and {source}: {reason}"
        for name, numbers in runs.items()
        for reason in differences(numbers, expected, arguments.atol, arguments.rtol)
    ]
    for line in found:
        print(line, file=sys.stderr)
    count = len(next(iter(runs.values())))
    print(
        f"{len(runs)} runs of {count} pictures {'differ from' if found else 'agree with'} {source}"
    )
    return 1 if found else 0


def numbers_of(folder: Path) -> Numbers:
    """Return the numbers of all pictures in a folder."""
    return {path.name: field_means(np.asarray(Image.open(path))) for path in folder.glob("*.png")}


def field_means(picture: ndarray) -> ndarray:
    """Return the mean colours of the fields of uint8 [H, W, ...], row by row."""
    fields = [f for row in np.array_split(picture, FIELDS) for f in np.array_split(row, FIELDS, 1)]
    return np.concatenate([np.atleast_1d(field.mean(axis=(0, 1))) for field in fields])


def differences(numbers: Numbers, expected: Numbers, atol: float, rtol: float) -> list[str]:
    """Return the differences, one sentence per picture."""
    if not numbers or numbers.keys() != expected.keys():
        return [f"{len(numbers)} pictures, expected {len(expected)}, or names differ"]
    return [
        f"{name}: fields differ by up to {np.abs(numbers[name] - own).max():.4f} of 255"
        for name, own in sorted(expected.items())
        if numbers[name].shape != own.shape
        or not np.allclose(numbers[name], own, atol=atol, rtol=rtol)
    ]


def to_text(numbers: Numbers) -> str:
    """Format one line per picture: its name, a colon and its numbers."""
    lines = (
        f"{name}: {' '.join(f'{value:.4f}' for value in own)}\n"
        for name, own in sorted(numbers.items())
    )
    return "".join(lines)


def from_text(path: Path) -> Numbers:
    """Parse text from `to_text`."""
    pairs = (line.split(": ") for line in path.read_text(encoding="utf-8").splitlines())
    return {name: np.array(values.split(), float) for name, values in pairs}


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare the pictures of runs of inference.")
    parser.add_argument("--log_file", nargs="+", required=True, help="logs; * and ? are understood")
    parser.add_argument("--gt_file", type=Path, help="stored numbers (default: the first log's)")
    parser.add_argument("--atol", type=float, default=1e-3, help="(default: %(default)s)")
    parser.add_argument("--rtol", type=float, default=1e-3, help="(default: %(default)s)")
    parser.add_argument("--write", type=Path, help="store the numbers of the first log")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
