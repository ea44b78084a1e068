# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What a test leaves behind: test.txt, report.json, per_image.csv, report.html and ranked.png."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
from numpy import ndarray

from ppdeepfill.atomic_write import written_whole
from ppdeepfill.evaluation.report.page import render_page
from ppdeepfill.evaluation.report.record import build_record
from ppdeepfill.evaluation.report.text import render_text
from ppdeepfill.evaluation.scoring import ImageResult

__all__ = ["FILES", "build_record", "render_text", "write_report"]

FILES = ("ranked.png", "report.html", "per_image.csv", "report.json", "test.txt")


def write_report(
    folder: Path, record: Mapping[str, Any], results: Sequence[ImageResult], pictures: ndarray
) -> None:
    """Write `FILES`, each whole or not at all; they replace those of an earlier test.

    Args:
        folder: where; made if it does not exist.
        record: of `build_record`.
        results: of every image.
        pictures: of `draw_ranked`, uint8 [h, w, 3] RGB.
    """
    text = render_text(record)
    texts = (
        render_page(record, text, results),
        _table(results),
        json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False) + "\n",
        text,  # last: if it is new, all are
    )
    contents = (
        cv2.imencode(".png", pictures[..., ::-1])[1].tobytes(),
        *(content.encode("utf-8", "surrogateescape") for content in texts),
    )
    for name, content in zip(FILES, contents, strict=True):
        with written_whole(folder / name) as partial:
            partial.write_bytes(content)


def _table(results: Sequence[ImageResult]) -> str:
    """Return CSV with one line per image and method; undefined numbers are empty cells."""
    metrics = list(next(iter(results[0].scores.values())))
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["index", "name", "hole_area", "method", *metrics])
    for result in results:
        for method, scores in result.scores.items():
            cells = ["" if math.isnan(scores[metric]) else scores[metric] for metric in metrics]
            writer.writerow([result.index, result.name, result.hole_area, method, *cells])
    return table.getvalue()
