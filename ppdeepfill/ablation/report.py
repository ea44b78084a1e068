# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Write the report of an ablation: tables, curves and pictures."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy import ndarray

from ppdeepfill.ablation.outcome import Trained
from ppdeepfill.ablation.plan import Budget
from ppdeepfill.ablation.table import render_csv, render_markdown, render_text
from ppdeepfill.atomic_write import written_whole
from ppdeepfill.data import spread
from ppdeepfill.drawing.curves import Curve, curves_page, draw_curves
from ppdeepfill.drawing.grid import titled_grid
from ppdeepfill.evaluation.scoring import TRUTH, ImageResult

ROWS = 8  # number of images on the sheet


def write_report(
    folder: Path,
    outcome: Mapping[str, Any],
    runs: Sequence[Trained],
    results: Sequence[ImageResult],
    budget: Budget,
) -> list[Path]:
    """Write the tables, the curves and the sheet of pictures, each completely or not at all.

    Args:
        folder: folder of the ablation.
        outcome: see `build_outcome`.
        runs: in the order of the legend.
        results: results of every image, some with pictures.
        budget: if in minutes, the curves show minutes too.

    Returns:
        The files.
    """
    curves = [Curve(one.run.label, one.entries, one.run.name) for one in runs]
    drawn = draw_curves(curves, by="iter" if budget.minutes is None else "minutes")
    contents: dict[str, bytes] = {
        "curves.png": drawn.png,
        "curves.html": curves_page(drawn, "Ablation").encode(),
        "ablation.csv": render_csv(outcome).encode(),
        "ablation.md": render_markdown(outcome).encode(),
        "ablation.json": (json.dumps(outcome, indent=1, allow_nan=False) + "\n").encode(),
        "ablation.txt": render_text(outcome).encode(),
    }
    pictured = [result for result in results if result.pictures]
    if pictured:
        sheet = draw_sheet([pictured[n] for n in spread(len(pictured), ROWS)], runs)
        contents["pictures.png"] = cv2.imencode(".png", sheet[..., ::-1])[1].tobytes()
    for name, content in contents.items():
        with written_whole(folder / name) as partial:
            partial.write_bytes(content)
    return [folder / name for name in contents]


def draw_sheet(results: Sequence[ImageResult], runs: Sequence[Trained]) -> ndarray:
    """Draw a row for each image: input, completed by each method, truth; uint8 [h, w, 3] RGB.

    For a configuration with several seeds, shows the first.
    """
    shown: dict[str, str] = {}
    for one in runs:
        shown.setdefault(one.run.name, one.run.label)
    of_runs = {one.run.label for one in runs}
    shown |= {method: method for method in results[0].scores if method not in of_runs}
    columns = {"input": "input", **shown, TRUTH: TRUTH}
    rows = [[np.asarray(r.pictures[caption]) for caption in columns.values()] for r in results]
    return titled_grid(list(columns), rows)
