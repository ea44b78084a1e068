# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Compare two records of named arrays, and write them in reprod_log's file formats.

A record is a dict of arrays, stored by `numpy.save`; a log has two lines per name and a verdict.
reprod_log 1.0.1 can read the records and writes the same text. This code is stricter: a difference
that is nan fails, and arrays of different shapes are refused, not transposed.
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
    """Absolute differences between two arrays of the same name."""

    name: str
    mean: float
    max: float


class Comparison(NamedTuple):
    """The results of one step of the alignment.

    Attributes:
        step: "forward", "metric", "loss", "backward" or "training".
        ours: arrays by name.
        theirs: the reference's arrays under the same names.
        threshold: largest allowed mean absolute difference, for any name.
    """

    step: str
    ours: Record
    theirs: Record
    threshold: float

    def differences(self) -> list[Difference]:
        """Return one difference per name, in the order of `ours`.

        Raises:
            AlignmentError: the two records differ in names or shapes.
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
        """Return whether a difference is small enough; nan is not."""
        return bool(difference.mean <= self.threshold)


def log_text(comparison: Comparison) -> str:
    """Return the report as reprod_log writes it, with its time stamps."""
    lines = []
    for difference in comparison.differences():
        accepted = comparison.accepts(difference)
        lines.append(f"{difference.name}: ")
        lines.append(f"\tmean diff: check passed: {accepted}, value: {difference.mean}")
    lines.append(f"diff check {'passed' if comparison.passed else 'failed'}")
    stamp = time.strftime("[%Y/%m/%d %H:%M:%S] root INFO: ")
    return "".join(f"{stamp}{line}\n" for line in lines)


def write_record(path: Path, record: Record) -> None:
    """Write a record as reprod_log does, and flush it to disk."""
    np.save(path, dict(record), allow_pickle=True)
    synchronise(path)


def write_log(path: Path, comparison: Comparison) -> None:
    """Write the report of a comparison, and flush it to disk."""
    path.write_text(log_text(comparison), encoding="utf-8")
    synchronise(path)


def _check_names(step: str, ours: Record, theirs: Record) -> None:
    if ours.keys() != theirs.keys():
        raise AlignmentError(
            f"{step}: both records must have the same names; "
            f"only ours: {sorted(ours.keys() - theirs.keys())}, "
            f"only the reference's: {sorted(theirs.keys() - ours.keys())}"
        )


def _difference(where: str, name: str, ours: ndarray, theirs: ndarray) -> Difference:
    if ours.shape != theirs.shape:
        raise AlignmentError(
            f"{where}: both arrays must have the same shape; "
            f"ours is {list(ours.shape)}, the reference's {list(theirs.shape)}"
        )
    difference = np.abs(ours - theirs)
    return Difference(name, difference.mean(), difference.max())
