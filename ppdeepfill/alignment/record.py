# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Two records of named arrays and how far they are apart, in the files of reprod_log.

A record is a dict of arrays, stored by `numpy.save`; a log has two lines per name and a verdict.
reprod_log 1.0.1 reads the records and writes the same text. Where it is lenient this is not: a
difference that is not a number fails, and arrays of different shapes are refused, not transposed.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from ppdeepfill.atomic_write import synchronise
from ppdeepfill.errors import AlignmentError

Record = Mapping[str, ndarray]


class Difference(NamedTuple):
    """Absolute differences of two arrays of one name."""

    name: str
    mean: float
    max: float


class Comparison(NamedTuple):
    """What one step of the alignment found.

    Attributes:
        step: "forward", "metric", "loss", "backward" or "training".
        ours: arrays by name.
        theirs: the reference's arrays under the same names.
        threshold: largest mean absolute difference that any name may have.
    """

    step: str
    ours: Record
    theirs: Record
    threshold: float

    def differences(self) -> list[Difference]:
        """One per name, in the order of `ours`.

        Raises:
            AlignmentError: the records hold other names or shapes.
        """
        _check_names(self.step, self.ours, self.theirs)
        return [
            _difference(f"{self.step}: {name}", name, ours, self.theirs[name])
            for name, ours in self.ours.items()
        ]

    @property
    def passed(self) -> bool:
        return all(self.accepts(difference) for difference in self.differences())

    def accepts(self, difference: Difference) -> bool:
        """Whether a difference is small enough; one that is not a number is not."""
        return bool(difference.mean <= self.threshold)


def log_text(comparison: Comparison) -> str:
    """The report of reprod_log, with its time stamps."""
    lines = []
    for difference in comparison.differences():
        accepted = comparison.accepts(difference)
        lines.append(f"{difference.name}: ")
        lines.append(f"\tmean diff: check passed: {accepted}, value: {difference.mean}")
    lines.append(f"diff check {'passed' if comparison.passed else 'failed'}")
    stamp = time.strftime("[%Y/%m/%d %H:%M:%S] root INFO: ")
    return "".join(f"{stamp}{line}\n" for line in lines)


def write_record(path: Path, record: Record) -> None:
    """Write a record as reprod_log does, and put it on disk."""
    np.save(path, dict(record), allow_pickle=True)
    synchronise(path)


def write_log(path: Path, comparison: Comparison) -> None:
    """Write the report of a comparison, and put it on disk."""
    path.write_text(log_text(comparison), encoding="utf-8")
    synchronise(path)


def _check_names(step: str, ours: Record, theirs: Record) -> None:
    if ours.keys() != theirs.keys():
        raise AlignmentError(
            f"{step}: both records must hold the same names; "
            f"only ours: {sorted(ours.keys() - theirs.keys())}, "
            f"only the reference's: {sorted(theirs.keys() - ours.keys())}"
        )


def _difference(where: str, name: str, ours: ndarray, theirs: ndarray) -> Difference:
    if ours.shape != theirs.shape:
        raise AlignmentError(
            f"{where}: both arrays must have one shape; "
            f"ours is {list(ours.shape)}, the reference's {list(theirs.shape)}"
        )
    difference = np.abs(ours - theirs)
    return Difference(name, difference.mean(), difference.max())
