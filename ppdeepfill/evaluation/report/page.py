# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The pictures of a test as one self-contained web page: report.html."""

import base64
import json
import math
import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files

import cv2
from numpy import ndarray

from ppdeepfill.evaluation.scoring import ImageResult

JPEG_QUALITY = 90  # for viewing only: scores are computed before compression
OFFSETS = "offsets"
SHOWN = ("hole_l1", "psnr", "ssim", "lpips")  # below each completed image
CAPTION = (
    "Thumbnails are compressed for viewing; scores were computed before that. In an offset map, "
    "hue shows the direction and saturation the distance to where the attention looks."
)


def render_page(text: str, results: Sequence[ImageResult]) -> str:
    """Return the page: the report's text, then the images that have pictures.

    Args:
        text: as in test.txt.
        results: one per image; those without pictures are left out.
    """
    pictured = [result for result in results if result.pictures]
    fields = {
        "text": escape(text),
        "caption": escape(CAPTION) if pictured else "No pictures were requested.",
        "keys": "".join(f"<option>{escape(key)}</option>" for key in _sort_keys(pictured)),
        "samples": "\n".join(map(_sample, pictured)),
    }
    page = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    return re.sub(r"{{(\w+)}}", lambda match: fields[match[1]], page)


def _sort_keys(results: Sequence[ImageResult]) -> list[str]:
    return list(_sort_values(results[0])) if results else []


def _sort_values(result: ImageResult) -> dict[str, float | None]:
    """Return the values to sort by, by displayed name; None if undefined."""
    values: dict[str, float | None] = {"number": result.index, "hole area": result.hole_area}
    for method, scores in result.scores.items():
        for metric, value in scores.items():
            values[f"{method}: {metric}"] = None if math.isnan(value) else value
    return values


def _sample(result: ImageResult) -> str:
    values = escape(json.dumps(_sort_values(result)), quote=True)
    figures = "".join(_figure(result, *item) for item in result.pictures.items())
    return (
        f'<div class="sample" data-values="{values}">'
        f"<h3>{result.index}: {escape(result.name)}, hole {result.hole_area:.1%}</h3>"
        f'<div class="pictures">{figures}</div></div>'
    )


def _figure(result: ImageResult, caption: str, picture: ndarray) -> str:
    scores = result.scores.get(caption, {})
    lines = [caption, *(f"{name} {scores[name]:.4g}" for name in SHOWN if name in scores)]
    suffix = ".png" if caption.endswith(OFFSETS) else ".jpg"  # few flat cells, or a photograph
    encoded = cv2.imencode(suffix, picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    source = f"data:image/{suffix[1:].replace('jpg', 'jpeg')};base64,"
    source += base64.b64encode(encoded.tobytes()).decode()
    text = escape("\n".join(lines))
    return f'<figure><img src="{source}" alt="{text}"><figcaption>{text}</figcaption></figure>'
