# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Turn the reports of several comparisons into Markdown tables."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ppdeepfill.weights.finding import DEMO, DEMO_SMALL
from release.settings import Setting

NAMES = {
    DEMO: "ours",
    DEMO_SMALL: "ours, small",
    "mean_fill": "mean fill",
    "telea": "Telea",
    "navier_stokes": "Navier-Stokes",
    "patchmatch": "PatchMatch",
}
PAIRED = ("hole_l1", "psnr", "ssim")  # compared image by image
BY_AREA = ("hole_l1", "psnr")
CERTAIN = 0.05  # a difference with a smaller p value counts as significant


class Result(NamedTuple):
    """A setting and its report.json."""

    setting: Setting
    record: dict[str, Any]


def render_results(results: Sequence[Result]) -> str:
    """Render an overview, the definitions, then all numbers of each setting."""
    if not results:
        return "No scores yet."
    sections = [
        f"### Overview\n\n{overview(results)}",
        f"### Definitions\n\n{_definitions(results[0].record)}",
        *map(_section, results),
    ]
    return "\n\n".join(sections)


def overview(results: Sequence[Result]) -> str:
    """Render hole L1 of every method in every setting, and our difference from Telea."""
    methods = list(results[0].record["means"])
    rows = [["hole L1", "images", *map(name_of, methods), "ours minus Telea", "significant"]]
    for setting, record in results:
        pair = _pair(record, DEMO, "telea", "hole_l1")
        rows.append(
            [
                setting.title,
                str(record["images"]["scored"]),
                *(number(record["means"][m]["hole_l1"], margin=False) for m in methods),
                number(pair["difference"], sign="+"),
                _verdict(pair),
            ]
        )
    return markdown(rows)


def name_of(method: str) -> str:
    """Return a method's name for tables; for other networks, the last part of their path."""
    return NAMES.get(method, method.rstrip("/").split("/")[-1])


def number(estimate: Mapping[str, Any], *, sign: str = "-", margin: bool = True) -> str:
    """Render `mean ± half of the 95 % interval`, with 2 decimals from 1 on, else 4."""
    if estimate["mean"] is None:
        return "undefined"
    digits = 2 if abs(estimate["mean"]) >= 1 else 4
    text = f"{estimate['mean']:{sign}.{digits}f}"
    known = margin and estimate["margin"] is not None
    return f"{text} ± {estimate['margin']:.{digits}f}" if known else text


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Render a table; its first row is the header."""
    head, *rest = ("| " + " | ".join(cells) + " |" for cells in rows)
    return "\n".join([head, "|" + "---|" * len(rows[0]), *rest])


def _definitions(record: Mapping[str, Any]) -> str:
    rows = [["metric", "definition (x completed, y truth)", "better"]]
    for name, definition in record["definitions"].items():
        rows.append([f"`{name}`", definition["meaning"].replace("|", "\\|"), definition["better"]])
    return markdown(rows)


def _section(result: Result) -> str:
    setting, record = result
    parts = [
        f"### {setting.title}",
        f"{record['images']['scored']} images, {record['images']['size']}; "
        f"{record['masks']['description']}. All images and holes as compared: sha256 "
        f"`{record['samples_sha256'][:16]}`.",
        _metrics(record),
        f"Ours minus the others, image by image:\n\n{_pairs(record)}",
    ]
    if len(record["by_hole_area"]) > 1:
        parts.append(f"By share of hole:\n\n{_areas(record)}")
    parts.append(_ranked(record))
    return "\n\n".join(parts)


def _metrics(record: Mapping[str, Any]) -> str:
    means = record["means"]
    rows = [["metric", *map(name_of, means)]]
    for metric in record["definitions"]:
        rows.append([f"`{metric}`", *(number(means[method][metric]) for method in means)])
    return markdown(rows)


def _pairs(record: Mapping[str, Any]) -> str:
    rows = [["against", "metric", "difference", "ours better on", "p (Wilcoxon)", "significant"]]
    for other in list(record["means"])[1:]:
        for metric in PAIRED:
            pair = _pair(record, DEMO, other, metric)
            lower = record["definitions"][metric]["better"] == "lower"
            better = pair["first_lower" if lower else "first_higher"]
            rows.append(
                [
                    name_of(other),
                    f"`{metric}`",
                    number(pair["difference"], sign="+"),
                    f"{better} of {pair['difference']['count']}",
                    f"{pair['p_value']:.2g}",
                    _verdict(pair),
                ]
            )
    return markdown(rows)


def _areas(record: Mapping[str, Any]) -> str:
    methods = list(record["means"])
    rows = [["hole", "images", "metric", *map(name_of, methods)]]
    for bucket in record["by_hole_area"]:
        area = f"{bucket['above']:.0%} to {bucket['up_to']:.0%}"
        for metric in BY_AREA:
            cells = [number(bucket["means"][method][metric]) for method in methods]
            rows.append([area, str(bucket["images"]), f"`{metric}`", *cells])
    return markdown(rows)


def _ranked(record: Mapping[str, Any]) -> str:
    """Our best, median and worst image, and the scores of the other methods on them."""
    methods = list(record["means"])
    rows = [["by our hole L1", "image", "hole", *map(name_of, methods)]]
    for rank, found in record["ranked"].items():
        cells = [f"{found['hole_l1'][method]:.4f}" for method in methods]
        image = found["name"].replace("\\", "/").split("/")[-1]
        rows.append([rank, image, f"{found['hole_area']:.0%}", *cells])
    return markdown(rows)


def _pair(record: Mapping[str, Any], first: str, second: str, metric: str) -> dict[str, Any]:
    wanted = (first, second, metric)
    return next(p for p in record["pairs"] if (p["first"], p["second"], p["metric"]) == wanted)


def _verdict(pair: Mapping[str, Any]) -> str:
    return "no" if pair["p_value"] >= CERTAIN else "yes"
