# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""How losses and validation scores of training runs went, from their metrics.jsonl."""

import io
import json
import math
from collections.abc import Iterator, Sequence
from html import escape
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from ppdeepfill.atomic_write import written_whole
from ppdeepfill.errors import DataError, OutputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

METRICS = "metrics.jsonl"
COLUMNS = 3  # panels side by side
PANEL = (4.6, 3.0)  # inches
DASHES = ("-", "--", ":", "-.")  # runs of one colour
# What a line of metrics.jsonl says besides losses and scores.
BESIDES = {
    "type",
    "iter",
    "lr",
    "avg_reader_cost",
    "avg_batch_cost",
    "avg_samples",
    "ips",
    "eta",
}
KINDS = {"validate": "validation", "train": "training"}
AXES = {"iter": "iteration", "minutes": "minutes of training"}
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 14px/1.4 system-ui, sans-serif; margin: 2em; color: #222; }}
svg {{ width: 100%; height: auto; }}
</style>
<h1>{title}</h1>
<p>{caption}</p>
{drawing}
</html>
"""
CAPTION = (
    "Training losses are means over the interval before each point, validation scores those of "
    "the data.validation of each run. Losses of different objectives do not compare."
)


class Curve(NamedTuple):
    """What one run logged.

    Attributes:
        label: in the legend.
        entries: of its metrics.jsonl, see `read_entries`.
        group: curves of one group share a colour.
    """

    label: str
    entries: list[dict]
    group: str


class Drawn(NamedTuple):
    """One picture in two formats."""

    png: bytes
    svg: str


def read_entries(run: Path) -> list[dict]:
    """The entries of a run, without a last line that a killed run left half-written.

    Args:
        run: its output_dir, or the file metrics.jsonl itself.

    Raises:
        DataError: no such file, or one without entries.
    """
    file = run / METRICS if run.is_dir() else run
    if not file.is_file():
        raise DataError(
            f"no {METRICS} at {run}; expected the output_dir of a training run, or such a file"
        )
    entries = list(_complete_lines(file))
    if not entries:
        raise DataError(f"{file} has no entries yet: the run has logged nothing so far")
    return entries


def minutes_at(entries: Sequence[dict], iterations: Sequence[int]) -> np.ndarray:
    """Minutes of training time up to each of some iterations, from the costs that were logged."""
    ends, minutes = [0], [0.0]
    for entry in entries:
        if entry["type"] == "train":
            seconds = (entry["iter"] - ends[-1]) * entry["avg_batch_cost"]
            ends.append(entry["iter"])
            minutes.append(minutes[-1] + seconds / 60)
    return np.interp(iterations, ends, minutes)


def draw_curves(curves: Sequence[Curve], *, by: Literal["iter", "minutes"] = "iter") -> Drawn:
    """Draw a panel for each validation score and each training loss, with all runs that have it.

    Args:
        curves: at least one.
        by: what the horizontal axis counts.
    """
    import matplotlib  # takes half a second to import
    from matplotlib.figure import Figure

    panels = _panels(curves)
    rows = math.ceil(len(panels) / COLUMNS)
    # Names of files are no formulas, and equal numbers give equal files.
    with matplotlib.rc_context({"text.parse_math": False, "svg.hashsalt": "ppdeepfill"}):
        width, height = PANEL
        figure = Figure(
            figsize=(width * min(COLUMNS, len(panels)), height * rows), layout="constrained"
        )
        for number, (kind, key) in enumerate(panels, 1):
            axes = figure.add_subplot(rows, min(COLUMNS, len(panels)), number)
            axes.set(title=f"{KINDS[kind]}: {key}", xlabel=AXES[by])
            axes.grid(alpha=0.3)
            _draw_panel(axes, curves, kind, key, by)
        _add_legend(figure, curves)
        png = _saved(figure, "png")
        figure.set_layout_engine("none")  # both formats share one layout
        return Drawn(png, _saved(figure, "svg").decode())


def curves_page(drawn: Drawn, title: str) -> str:
    """One HTML page with the drawing inside; it needs no network."""
    drawing = drawn.svg[drawn.svg.index("<svg") :]
    return PAGE.format(title=escape(title), caption=escape(CAPTION), drawing=drawing)


def write_curves(
    runs: Sequence[Path], picture: Path, *, by: Literal["iter", "minutes"], html: bool
) -> list[Path]:
    """Draw the curves of runs to a PNG file and, if asked for, a page beside it.

    Returns:
        The files that were written.

    Raises:
        DataError: a run has no metrics.jsonl.
        OutputError: `picture` is no name of a PNG file.
    """
    if picture.suffix.lower() != ".png":
        raise OutputError(f"the picture is a PNG file: its name must end in .png; got {picture}")
    names = _labels(runs)
    curves = [Curve(name, read_entries(run), name) for name, run in zip(names, runs, strict=True)]
    drawn = draw_curves(curves, by=by)
    contents = {picture: drawn.png}
    if html:
        contents[picture.with_suffix(".html")] = curves_page(drawn, "Curves").encode()
    for path, content in contents.items():
        with written_whole(path) as partial:
            partial.write_bytes(content)
    return list(contents)


def _complete_lines(file: Path) -> Iterator[dict]:
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            return
        if not isinstance(entry, dict) or not {"type", "iter"} <= entry.keys():
            raise DataError(f"{file} is no log of a training run: it has the line {line[:60]!r}")
        yield entry


def _panels(curves: Sequence[Curve]) -> list[tuple[str, str]]:
    """Kind and key of everything to draw, validation first, in the order of the logs."""
    found = {
        (entry["type"], key): None
        for curve in curves
        for entry in curve.entries
        if entry["type"] in KINDS
        for key in entry
        if key not in BESIDES
    }
    return sorted(found, key=lambda panel: list(KINDS).index(panel[0]))


def _draw_panel(axes: "Axes", curves: Sequence[Curve], kind: str, key: str, by: str) -> None:
    for curve, style in zip(curves, _styles(curves), strict=True):
        entries = [e for e in curve.entries if e["type"] == kind and key in e]
        if not entries:
            continue
        iterations = [entry["iter"] for entry in entries]
        values = [math.nan if entry[key] is None else entry[key] for entry in entries]
        at = iterations if by == "iter" else minutes_at(curve.entries, iterations)
        axes.plot(at, values, marker=".", markersize=4, linewidth=1.2, **style)


def _styles(curves: Sequence[Curve]) -> list[dict[str, str]]:
    """A colour for each group, and other dashes for each of its curves."""
    groups = list(dict.fromkeys(curve.group for curve in curves))
    dashes = {group: cycle(DASHES) for group in groups}
    return [
        {"color": f"C{groups.index(curve.group)}", "linestyle": next(dashes[curve.group])}
        for curve in curves
    ]


def _add_legend(figure: "Figure", curves: Sequence[Curve]) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **style) for style in _styles(curves)]
    # A label that begins with an underscore would be left out.
    labels = [curve.label if curve.label[:1] != "_" else f" {curve.label}" for curve in curves]
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(curves), 4))


def _saved(figure: "Figure", kind: str) -> bytes:
    drawing = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else None
    figure.savefig(drawing, format=kind, dpi=110, metadata=metadata)
    return drawing.getvalue()


def _labels(runs: Sequence[Path]) -> list[str]:
    """The names of the folders, or the whole paths where two folders have one name."""
    folders = [run if run.is_dir() else run.parent for run in runs]
    names = [folder.resolve().name for folder in folders]
    return names if len(set(names)) == len(names) else [str(run) for run in runs]
