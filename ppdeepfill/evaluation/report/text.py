# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The results of a test as readable text: test.txt."""

from collections.abc import Mapping, Sequence
from typing import Any

ARROWS = {"lower": "lower is better", "higher": "higher is better", "neither": "neither is better"}
PAIRED = ("hole_l1", "psnr", "ssim", "lpips")  # the others are in report.json only
DEFINITIONS = """\
definitions (x completed 8-bit image, y truth, both scaled to 0..1; see docs/metrics.md)
  After a semicolon: where this metric was published. paper?: may be in the paper's Table 1, which
  does not define its columns."""
LINE = "  {}"


def render_text(record: Mapping[str, Any]) -> str:
    """Return the whole report as text."""
    sections = [
        _setting(record),
        _methods(record["methods"]),
        _means(record),
        _definitions(record["definitions"]),
        _areas(record["by_hole_area"]),
        pairs(record),
        _notes(record),
    ]
    return "\n\n".join(filter(None, sections)) + "\n"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Align rows of cells in columns: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if number == 0 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _setting(record: Mapping[str, Any]) -> str:
    rows = [
        ("images", f"{record['images']['scored']} of {record['images']['source']}"),
        ("size", record["images"]["size"]),
        ("masks", record["masks"]["description"]),
        ("sha256", f"{record['samples_sha256']} of all images and masks as compared"),
        ("seed", str(record["seed"])),
        ("device", f"{record['device']}, batches of {record['batch_size']}"),
        *_versions(record["versions"]),
    ]
    return "\n".join(["ppdeepfill test", *(f"  {name:<13}{value}" for name, value in rows)])


def _versions(versions: Mapping[str, str]) -> list[tuple[str, str]]:
    """Split the versions into our own and those of dependencies; a single line is too long."""
    texts = [f"{name} {version}" for name, version in versions.items()]
    return [("versions", texts[0]), ("", ", ".join(texts[1:]))]


def _methods(methods: Sequence[Mapping[str, Any]]) -> str:
    lines = ["methods"]
    for method in methods:
        lines.append(f"  {method['name']}: {method['description']}")
        if method["sha256"]:
            lines.append(f"    weights sha256 {method['sha256']}")
    return "\n".join(lines)


def _means(record: Mapping[str, Any]) -> str:
    means = record["means"]
    rows = [["metric", *means, ""]]
    for name, definition in record["definitions"].items():
        cells = [mean(columns[name]) for columns in means.values()]
        rows.append([name, *cells, ARROWS[definition["better"]]])
    if record["fid"]:
        rows.append(["fid", *map(_two_decimals, record["fid"].values()), ARROWS["lower"]])
    return f"means over {record['images']['scored']} images\n{table(rows)}\n({record['interval']})"


def _definitions(definitions: Mapping[str, Mapping[str, str]]) -> str:
    lines = [DEFINITIONS]
    for name, definition in definitions.items():
        lines.append(f"  {name}: {definition['meaning']}")
        if definition["literature"]:
            lines[-1] += f"; {definition['literature']}"
    return "\n".join(lines)


def _areas(buckets: Sequence[Mapping[str, Any]]) -> str:
    if len(buckets) < 2:
        return ""
    rows = [["hole area", "images", "method", *PAIRED[:3]]]
    for bucket in buckets:
        area = f"{bucket['above']:.0%}-{bucket['up_to']:.0%}"
        for method, means in bucket["means"].items():
            cells = [mean(means[name]) for name in PAIRED[:3]]
            rows.append([area, str(bucket["images"]), method, *cells])
    return f"by hole area\n{table(rows)}"


def pairs(record: Mapping[str, Any]) -> str:
    """The differences between every two methods as text; "" for one method."""
    rows = pair_rows(record)
    return f"pairs\n{table(rows)}\n({record['test']})" if len(rows) > 1 else ""


def pair_rows(record: Mapping[str, Any]) -> list[list[str]]:
    """A row for every two methods and metric of `PAIRED`, titles first."""
    rows = [["first minus second", "metric", "difference", "first lower", "first higher", "p"]]
    for pair in record["pairs"]:
        if pair["metric"] in PAIRED:
            rows.append(
                [
                    f"{pair['first']} - {pair['second']}",
                    pair["metric"],
                    mean(pair["difference"], sign="+"),
                    str(pair["first_lower"]),
                    str(pair["first_higher"]),
                    f"{pair['p_value']:.2g}",
                ]
            )
    return rows


def _notes(record: Mapping[str, Any]) -> str:
    return "\n".join(["notes", *map(LINE.format, record["notes"])])


def _two_decimals(number: float | None) -> str:
    return "undefined" if number is None else f"{number:.2f}"


def mean(numbers: Mapping[str, Any], *, sign: str = "-") -> str:
    """Format `mean +- margin`, with two decimals from 1 on (such as dB), else four."""
    value, margin = numbers["mean"], numbers["margin"]
    if value is None:
        return "undefined"
    digits = 2 if abs(value) >= 1 else 4
    text = f"{value:{sign}.{digits}f}"
    return text if margin is None else f"{text} +-{margin:.{digits}f}"
