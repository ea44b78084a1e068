# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Draw the validation scores of a run."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot  # noqa: E402 after choosing the backend

PANELS = {"hole_l1": "hole L1", "psnr": "PSNR, dB"}


def draw_curves(log: Path, others: Mapping[str, Mapping[str, float]], picture: Path) -> None:
    """Draw hole L1 and PSNR by iteration as SVG; the same numbers give the same file.

    Args:
        log: metrics.jsonl of the run.
        others: method -> metric -> mean, drawn as horizontal lines.
        picture: the file to write.
    """
    lines = map(json.loads, log.read_text(encoding="utf-8").splitlines())
    scores = [line for line in lines if line["type"] == "validate"]
    matplotlib.rcParams["svg.hashsalt"] = "ppdeepfill"
    figure, axes = pyplot.subplots(1, len(PANELS), figsize=(9, 3.2), layout="constrained")
    for place, (metric, title) in zip(axes, PANELS.items(), strict=True):
        place.plot(
            [x["iter"] for x in scores], [x[metric] for x in scores], marker=".", label="ours"
        )
        for style, (name, means) in zip(("--", ":", "-."), others.items(), strict=False):
            place.axhline(means[metric], linestyle=style, color="grey", label=name)
        place.set(xlabel="iteration", title=title, xlim=(0, None))
        place.legend()
    drawing = io.StringIO()
    figure.savefig(drawing, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    text = (line.rstrip() for line in drawing.getvalue().splitlines())  # pre-commit asks for this
    picture.write_text("\n".join(text) + "\n", encoding="utf-8")
