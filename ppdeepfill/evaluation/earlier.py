# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Reuse scores from an earlier report: those of methods without a network stay the same."""

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
        results: results of every image; changed in place.
        methods: names of methods without a network.
        folder: folder of the report.
        digest: digest of all images and holes, like `samples_sha256` in a report.

    Returns:
        Whether scores were added: False if there is no report, or if it is for other images, holes
        or methods.
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
