# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Scores from an earlier report: those of methods without a network do not change with weights."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from ppdeepfill.evaluation.metrics import METRICS
from ppdeepfill.evaluation.scoring import ImageResult


def add_earlier_scores(
    results: Sequence[ImageResult], methods: Sequence[str], folder: Path, digest: str
) -> bool:
    """Add the scores of some methods to the results, if a report has them for the same samples.

    Args:
        results: of every image; changed in place.
        methods: names of methods without a network.
        folder: of the report.
        digest: of all images and holes, as `samples_sha256` of a report.

    Returns:
        False, and nothing is added, where there is no report, or one of other images, holes or
        methods.
    """
    if not (folder / "report.json").is_file():
        return False
    record = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    if record["samples_sha256"] != digest or not set(methods) <= record["means"].keys():
        return False
    with (folder / "per_image.csv").open(encoding="utf-8", errors="surrogateescape") as file:
        rows = {(int(row["index"]), row["method"]): row for row in csv.DictReader(file)}
    for result in results:
        for method in methods:
            row = rows[result.index, method]
            result.scores[method] = {name: float(row[name] or "nan") for name in METRICS}
    return True
