# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The result of a test in one sentence, and in a table with bars and the best marked."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

HEADLINE = "hole_l1"  # what the sentence is about, and what sorts the table
COLUMNS = ("hole_l1", "psnr", "ssim", "lpips")  # each where it was measured
SIGNIFICANT = 0.05
LEGEND = (
    "Bars start at zero; the dark line is the 95 % interval of the mean. <b>best</b>: the best "
    "mean. <b>close</b>: the difference to the best may be chance (Wilcoxon p &ge; 0.05)."
)
UNITS = {"hole_l1": "mean error in the hole, 0..1", "psnr": "dB", "ssim": "-1..1", "lpips": ""}


def headline(record: Mapping[str, Any]) -> str:
    """Say in one sentence, as HTML, which method has the lowest `HEADLINE`, and by how much."""
    first, *others = ranking(record, HEADLINE)
    score = f"{escape(first)}: {HEADLINE} {_number(record['means'][first][HEADLINE])}"
    images = _count(record["images"]["scored"])
    if not others:
        return f"{score} on {images}"
    pair = _pair(record, first, others[0], HEADLINE)
    second = escape(others[0])
    if pair["p_value"] >= SIGNIFICANT:
        theirs = _number(record["means"][others[0]][HEADLINE])
        chance = f"on {images} the difference may be chance (p = {pair['p_value']:.2g})"
        return f"{score}, close to {second} with {theirs}: {chance}"
    ours, theirs = (record["means"][method][HEADLINE]["mean"] for method in (first, others[0]))
    better = pair["first_lower" if pair["first"] == first else "first_higher"]
    gain = f"{1 - ours / theirs:.0%} below {second}, better on {better} of {images}"
    return f"{score}, {gain} (p = {pair['p_value']:.2g})"


def leaderboard(record: Mapping[str, Any]) -> str:
    """Return the table of means as HTML: methods from best to worst, `COLUMNS` and FID."""
    columns = [name for name in COLUMNS if name in record["definitions"]]
    heads = "".join(_head(name, record["definitions"][name]["better"]) for name in columns)
    if record["fid"]:
        heads += "<th>fid &darr;</th>"
    rows = "".join(
        f"<tr><th>{escape(method)}</th>"
        + "".join(_cell(record, method, name) for name in columns)
        + (_fid_cell(record["fid"], method) if record["fid"] else "")
        + "</tr>"
        for method in ranking(record, HEADLINE)
    )
    return (
        f'<div class="wide"><table><thead><tr><th></th>{heads}</tr></thead>'
        f'<tbody>{rows}</tbody></table></div><p class="note">{LEGEND}</p>'
    )


def all_metrics(record: Mapping[str, Any]) -> str:
    """Return every mean with its definition as an HTML table."""
    methods = list(record["means"])
    heads = "".join(f"<th>{escape(method)}</th>" for method in methods)
    rows = "".join(
        f"<tr><th>{name}</th>"
        + "".join(f"<td>{_number(record['means'][method][name])}</td>" for method in methods)
        + f"<td>{escape(definition['meaning'])}; {definition['better']} is better</td></tr>"
        for name, definition in record["definitions"].items()
    )
    return (
        f'<div class="wide"><table><thead><tr><th>metric</th>{heads}<th>meaning</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def ranking(record: Mapping[str, Any], metric: str) -> list[str]:
    """Return the methods from best to worst mean; those without a mean come last."""
    sign = 1 if record["definitions"][metric]["better"] == "lower" else -1

    def place(method: str) -> tuple[bool, float]:
        mean = record["means"][method][metric]["mean"]
        return mean is None, sign * (mean or 0)

    return sorted(record["means"], key=place)


def standing(record: Mapping[str, Any], method: str, metric: str) -> str:
    """Return "best", "close" (not told apart from the best by the test), or nothing."""
    first, *others = ranking(record, metric)
    if not others or record["means"][method][metric]["mean"] is None:
        return ""
    if method == first:
        return "best"
    return "close" if _pair(record, first, method, metric)["p_value"] >= SIGNIFICANT else ""


def _pair(record: Mapping[str, Any], one: str, other: str, metric: str) -> Mapping[str, Any]:
    pairs: Sequence[Mapping[str, Any]] = record["pairs"]
    return next(
        pair
        for pair in pairs
        if pair["metric"] == metric and {pair["first"], pair["second"]} == {one, other}
    )


def _head(name: str, better: str) -> str:
    arrow = {"lower": "&darr;", "higher": "&uarr;"}[better]
    return f'<th title="{better} is better">{name} {arrow} <small>{UNITS[name]}</small></th>'


def _cell(record: Mapping[str, Any], method: str, metric: str) -> str:
    numbers = record["means"][method][metric]
    place = standing(record, method, metric)
    mark = f'<span class="mark">{place}</span>' if place else ""
    bar = _bar(numbers, [means[metric] for means in record["means"].values()])
    return f'<td class="{place}">{_number(numbers)}{mark}{bar}</td>'


def _bar(numbers: Mapping[str, Any], column: Sequence[Mapping[str, Any]]) -> str:
    """A bar from zero, with the interval; the longest of the column fills the cell."""
    longest = max((abs(n["mean"] or 0) + (n["margin"] or 0) for n in column), default=0)
    if numbers["mean"] is None or not longest:
        return ""
    length, margin = (100 * (numbers[key] or 0) / longest for key in ("mean", "margin"))
    start, end = max(length - margin, 0), length + margin
    line = f'<b style="left:{start:.1f}%;width:{end - start:.1f}%"></b>' if margin else ""
    return f'<div class="bar"><i style="width:{max(length, 0):.1f}%"></i>{line}</div>'


def _fid_cell(fid: Mapping[str, float | None], method: str) -> str:
    defined = [value for value in fid.values() if value is not None]
    value = fid.get(method)
    if value is None:
        return "<td>undefined</td>"
    best = len(fid) > 1 and value == min(defined)
    mark = '<span class="mark">best</span>' if best else ""
    bar = _bar({"mean": value, "margin": None}, [{"mean": v, "margin": None} for v in defined])
    return f'<td class="{"best" if best else ""}">{value:.2f}{mark}{bar}</td>'


def _number(numbers: Mapping[str, Any]) -> str:
    """The mean and its margin, with the digits that the margin leaves meaningful."""
    if numbers["mean"] is None:
        return "undefined"
    digits = 2 if abs(numbers["mean"]) >= 1 else 4
    margin = numbers["margin"]
    small = "" if margin is None else f" <small>&plusmn; {margin:.{digits}f}</small>"
    return f"{numbers['mean']:.{digits}f}{small}"


def _count(images: int) -> str:
    return f"{images} image{'s' * (images != 1)}"
