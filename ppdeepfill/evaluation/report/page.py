# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A test as one self-contained web page: report.html.

Python writes what can be read without a script (headline, table, text) and the data; page.js draws
the rest in the browser, charts with Plotly. Plotly's 4.8 MB are stored compressed, so they take
2 MB of the file.
"""

import base64
import gzip
import json
import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

import cv2
from numpy import ndarray
from plotly.offline import get_plotlyjs

from ppdeepfill.evaluation.report.leaderboard import (
    COLUMNS,
    HEADLINE,
    all_metrics,
    headline,
    leaderboard,
    ranking,
)
from ppdeepfill.evaluation.scoring import ImageResult

JPEG_QUALITY = 90  # for viewing only: scores are computed before compression
OFFSETS = "offsets"
CAPTION = (
    "Drag the divider: the chosen method is on its left. Pictures are compressed for viewing; "
    "scores were computed before that. In an offset map, hue shows the direction and saturation "
    "the distance to where the attention looks."
)
DIGITS = 5  # of scores in the page; report.json and per_image.csv have all


def render_page(record: Mapping[str, Any], text: str, results: Sequence[ImageResult]) -> str:
    """Return the page.

    Args:
        record: of `build_record`.
        text: as in test.txt.
        results: one per image; those with pictures are shown.
    """
    room = files(__package__)
    pictured = any(result.pictures for result in results)
    sentence = headline(record)
    fields = {
        "title": re.sub("<.*?>|&plusmn;.*?(?=,| on|$)", "", sentence),
        "headline": sentence,
        "setting": escape(_setting(record)),
        "leaderboard": leaderboard(record),
        "all_metrics": all_metrics(record),
        "text": escape(text),
        "caption": escape(CAPTION) if pictured else "No pictures were requested.",
        "data": json.dumps(_data(record, results), separators=(",", ":")).replace("<", "\\u003c"),
        "plotly": base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode(),
        "style": room.joinpath("page.css").read_text(encoding="utf-8"),
        "script": room.joinpath("page.js").read_text(encoding="utf-8"),
    }
    page = room.joinpath("page.html").read_text(encoding="utf-8")
    return re.sub(r"{{(\w+)}}", lambda match: fields[match[1]], page)


def _setting(record: Mapping[str, Any]) -> str:
    images = record["images"]
    return (
        f"{images['scored']} of {images['source']}, {images['size']}; "
        f"holes: {record['masks']['description']}"
    )


def _data(record: Mapping[str, Any], results: Sequence[ImageResult]) -> dict[str, Any]:
    """What page.js draws, in the order of methods and of `COLUMNS`."""
    methods = list(record["means"])
    metrics = [name for name in COLUMNS if name in record["definitions"]]
    rivals = [method for method in ranking(record, HEADLINE) if method != methods[0]]
    return {
        "methods": methods,
        "rival": methods.index(rivals[0]) if rivals else None,  # of the first method
        "metrics": [
            {"name": name}
            | {key: record["definitions"][name][key] for key in ("better", "meaning")}
            for name in metrics
        ],
        "p_values": {
            _key(pair, methods): pair["p_value"]
            for pair in record["pairs"]
            if pair["metric"] in metrics
        },
        "areas": [_area(bucket, metrics) for bucket in record["by_hole_area"]],
        "images": [_image(result, methods, metrics) for result in results],
    }


def _key(pair: Mapping[str, Any], methods: Sequence[str]) -> str:
    return f"{pair['metric']} {methods.index(pair['first'])} {methods.index(pair['second'])}"


def _area(bucket: Mapping[str, Any], metrics: Sequence[str]) -> dict[str, Any]:
    means = {
        method: [[values[metric]["mean"], values[metric]["margin"]] for metric in metrics]
        for method, values in bucket["means"].items()
    }
    return {key: bucket[key] for key in ("above", "up_to", "images")} | {"means": means}


def _image(result: ImageResult, methods: Sequence[str], metrics: Sequence[str]) -> dict[str, Any]:
    scores = [[_rounded(result.scores[method][name]) for name in metrics] for method in methods]
    image = {"index": result.index, "name": result.name, "area": _rounded(result.hole_area)}
    pictures = {caption: _uri(caption, pixels) for caption, pixels in result.pictures.items()}
    return image | {"scores": scores} | ({"pictures": pictures} if pictures else {})


def _rounded(value: float) -> float | None:
    """JSON has no nan."""
    return None if math.isnan(value) else float(f"{value:.{DIGITS}g}")


def _uri(caption: str, picture: ndarray) -> str:
    kind, options = "jpeg", [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    if caption.endswith(OFFSETS):  # few flat cells, no photograph
        kind, options = "png", []
    encoded = cv2.imencode(f".{kind}", picture[..., ::-1], options)[1]
    return f"data:image/{kind};base64,{base64.b64encode(encoded.tobytes()).decode()}"
