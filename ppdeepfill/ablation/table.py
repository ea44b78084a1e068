# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The results of an ablation as tables: text, Markdown and CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from ppdeepfill.evaluation.report.text import PAIRED, mean, pair_rows, pairs, table

# The paper's Table 1 has L1, L2, PSNR and total variation.
SHOWN = ("hole_l1", "l1", "l2", "psnr", "ssim", "total_variation", "lpips")
ABOUT_SEEDS = (
    "A configuration's score for an image is the mean over its seeds. The intervals say how "
    "certain a mean over images is, not what other seeds would give: see the spread over seeds."
)
ABOUT_WEIGHTS = "The test uses the last checkpoint of each run, not the best by validation."


def render_text(outcome: Mapping[str, Any]) -> str:
    """Render the whole report as text: ablation.txt."""
    sections = [
        _heading(outcome),
        f"means over {outcome['images']['scored']} images\n{table(_rows(outcome))}\n"
        f"({outcome['interval']})",
        f"runs\n{table(_runs(outcome))}",
        _spread(outcome),
        pairs(outcome),
        "\n".join(["notes", *(f"  {note}" for note in _notes(outcome))]),
    ]
    return "\n\n".join(filter(None, sections)) + "\n"


def render_markdown(outcome: Mapping[str, Any]) -> str:
    """Render table, runs and pairs for a Markdown page: ablation.md."""
    better = {n: definition["better"] for n, definition in outcome["definitions"].items()}
    arrows = {"lower": " ↓", "higher": " ↑"}
    head, *rows = _rows(outcome)
    head = [name + arrows.get(better.get(name, ""), "") for name in head]
    sections = [
        f"Budget of each run: {outcome['budget']}. {outcome['images']['scored']} images of "
        f"`{outcome['images']['source']}`, {outcome['masks']['description']}.",
        _markdown([head, *_best_in_bold(outcome, rows)]),
        _markdown(_runs(outcome)),
        _markdown(pair_rows(outcome)) if outcome["pairs"] else "",
        "\n".join(f"- {note}" for note in [outcome["interval"], outcome["test"], *_notes(outcome)]),
    ]
    return "\n\n".join(filter(None, sections)) + "\n"


def render_csv(outcome: Mapping[str, Any]) -> str:
    """Render one line per method, with every metric, digit and margin: ablation.csv."""
    metrics = list(outcome["definitions"])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    margins = [name for metric in metrics for name in (metric, f"{metric}_margin")]
    fid = ["fid"] if outcome["fid"] else []
    writer.writerow(["method", "seeds", "weights", "iterations", "minutes", *margins, *fid])
    for method, means in outcome["means"].items():
        runs = _runs_of(outcome, method)
        facts = [len(runs) or None, *_facts(runs)]
        cells = [means[metric][part] for metric in metrics for part in ("mean", "margin")]
        writer.writerow([method, *facts, *cells, *([outcome["fid"][method]] if fid else [])])
    return text.getvalue()


def _heading(outcome: Mapping[str, Any]) -> str:
    seeds = sorted({run["seed"] for run in outcome["runs"]})
    rows = [
        ("budget", f"{outcome['budget']} for each run"),
        ("seeds", ", ".join(map(str, seeds))),
        ("images", f"{outcome['images']['scored']} of {outcome['images']['source']}"),
        ("size", outcome["images"]["size"]),
        ("masks", outcome["masks"]["description"]),
        ("sha256", f"{outcome['samples_sha256']} of all images and masks as compared"),
        ("versions", ", ".join(f"{name} {text}" for name, text in outcome["versions"].items())),
    ]
    return "\n".join(["ppdeepfill ablate", *(f"  {name:<10}{value}" for name, value in rows)])


def _shown(outcome: Mapping[str, Any]) -> list[str]:
    return [metric for metric in SHOWN if metric in outcome["definitions"]]


def _rows(outcome: Mapping[str, Any]) -> list[list[str]]:
    """The main table: a row for each method, titles first."""
    fid = ["fid"] if outcome["fid"] else []
    rows = [["method", "weights", "iterations", "minutes", *_shown(outcome), *fid]]
    for method, means in outcome["means"].items():
        weights, iterations, minutes = _facts(_runs_of(outcome, method))
        facts = (
            ["-"] * 3
            if weights is None
            else [f"{weights:,}", f"{iterations:,.0f}", f"{minutes:.2f}"]
        )
        cells = [mean(means[metric]) for metric in _shown(outcome)]
        number = outcome["fid"].get(method) if fid else None
        rows.append(
            [method, *facts, *cells, *(["-" if number is None else f"{number:.2f}"] * len(fid))]
        )
    return rows


def _runs_of(outcome: Mapping[str, Any], method: str) -> list[Mapping[str, Any]]:
    return [run for run in outcome["runs"] if run["name"] == method]


def _facts(runs: Sequence[Mapping[str, Any]]) -> list[float | None]:
    """Weights, iterations and minutes of a configuration, the latter as means over its runs."""
    if not runs:
        return [None] * 3
    count = len(runs)
    return [
        runs[0]["weights"],
        sum(run["iterations"] for run in runs) / count,
        sum(run["minutes"] for run in runs) / count,
    ]


def _runs(outcome: Mapping[str, Any]) -> list[list[str]]:
    rows = [["run", "iterations", "minutes", *PAIRED[:3]]]
    for run in outcome["runs"]:
        cells = [mean(run["means"][metric]) for metric in PAIRED[:3]]
        rows.append([run["label"], str(run["iterations"]), f"{run['minutes']:.2f}", *cells])
    return rows


def _spread(outcome: Mapping[str, Any]) -> str:
    rows = [["over seeds", "metric", "lowest", "highest", "standard deviation"]]
    for name, metrics in outcome["over_seeds"].items():
        for metric in (m for m in PAIRED if m in metrics):
            found = metrics[metric]
            numbers = [found["lowest"], found["highest"], found["standard_deviation"]]
            rows.append([name, metric, *(f"{number:.4g}" for number in numbers)])
    return table(rows) if len(rows) > 1 else ""


def _notes(outcome: Mapping[str, Any]) -> list[str]:
    failed = [f"{label} failed and is missing: {why}" for label, why in outcome["failed"].items()]
    seeds = [ABOUT_SEEDS] if outcome["over_seeds"] else []
    return [*failed, ABOUT_WEIGHTS, *seeds, *outcome["notes"]]


def _best_in_bold(outcome: Mapping[str, Any], rows: Sequence[list[str]]) -> list[list[str]]:
    first = len(rows[0]) - len(_shown(outcome)) - bool(outcome["fid"])  # column of a metric
    marked = [list(row) for row in rows]
    for column, metric in enumerate(_shown(outcome), first):
        better = outcome["definitions"][metric]["better"]
        values = [means[metric]["mean"] for means in outcome["means"].values()]
        if better == "neither" or None in values:
            continue
        best = min(values) if better == "lower" else max(values)
        for row, value in zip(marked, values, strict=True):
            if value == best:
                row[column] = f"**{row[column]}**"
    return marked


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = [[cell.replace("|", r"\|").replace("+-", "± ") for cell in row] for row in rows]
    ruler = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ruler, *body])
