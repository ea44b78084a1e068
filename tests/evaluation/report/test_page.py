# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import base64
import gzip
import json
import math
import re
import shutil
import subprocess
from html import unescape

import cv2
import numpy as np
import pytest
from plotly.offline import get_plotlyjs

from ppdeepfill.evaluation.metrics import METRICS
from ppdeepfill.evaluation.report.page import render_page
from ppdeepfill.evaluation.report.record import build_record
from ppdeepfill.evaluation.scoring import ImageResult

NAME = """<script>"x"&{{text}}'</script>.png"""
METHODS = ("telea", "patchmatch")
HOLE_L1 = [(0.2, 0.3), (0.1, 0.4), (0.3, 0.1)]  # of each image, by METHODS
CHROMIUM = shutil.which("chromium")


def render(results, text="") -> str:
    setting = {
        "images": {"source": "photos", "size": "16 x 16 pixels", "scored": len(results)},
        "masks": {"description": "centred"},
    }
    for result in results:  # `build_record` describes every metric that there is
        for method, scores in result.scores.items():
            result.scores[method] = dict.fromkeys(METRICS, 0.5) | scores
    return render_page(build_record(setting, results, {}), text, results)


@pytest.fixture
def results(rng):
    def result(index: int, errors: tuple[float, float]) -> ImageResult:
        scores = {
            method: {"hole_l1": error, "psnr": 20 - error, "ssim": math.nan}
            for method, error in zip(METHODS, errors, strict=True)
        }
        draw = lambda: rng.integers(0, 256, [16, 16, 3], dtype=np.uint8)  # noqa: E731
        pictures = {
            key: draw() for key in ("input", "truth", "telea", "telea: offsets", METHODS[1])
        }
        name = NAME if index == 0 else f"{index}.png"
        return ImageResult(index, name, 0.15 + 0.1 * index, b"", scores, {}, pictures)

    return [result(index, errors) for index, errors in enumerate(HOLE_L1)]


def data_of(page: str) -> dict:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(text)


def test_the_page_needs_nothing_from_outside(results):
    page = render(results, "the report")
    assert not re.findall(r"https?:|url\(|<link|src=\"(?!data:)", page)
    assert "{{" not in page.replace("{{text}}", "") and "the report" in page
    (packed,) = re.findall(r'id="plotly">([^<]*)<', page)
    assert gzip.decompress(base64.b64decode(packed)).decode() == get_plotlyjs()


def test_names_are_text_not_markup(results):
    page = render(results, "a < b")
    assert len(re.findall("<script[ >]", page)) == page.count("</script>") == 3  # our own
    assert "a &lt; b" in page and data_of(page)["images"][0]["name"] == NAME


def test_the_data_hold_every_score_and_no_nan(results):
    data = data_of(render(results))
    assert data["methods"] == list(METHODS) and data["rival"] == 1
    assert [metric["name"] for metric in data["metrics"]] == ["hole_l1", "psnr", "ssim"]
    assert [[scores[0] for scores in image["scores"]] for image in data["images"]] == [
        list(errors) for errors in HOLE_L1
    ]
    assert data["images"][0]["scores"][0][2] is None
    assert [area["images"] for area in data["areas"]] == [1, 1, 1]


def test_offset_maps_keep_their_colours(results):
    uri = data_of(render(results))["images"][0]["pictures"]["telea: offsets"]
    encoded = uri.removeprefix("data:image/png;base64,")
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(encoded), np.uint8), cv2.IMREAD_COLOR)
    assert (decoded[..., ::-1] == results[0].pictures["telea: offsets"]).all()


def test_a_page_without_pictures_says_so(results):
    for result in results:
        result.pictures = {}
    assert "No pictures were requested." in render(results)


PROBE = """<script>
const press = key => document.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
const order = () => [...document.querySelectorAll("article b")].map(b => b.textContent[0]).join("");
const seen = {};
function probe() {
  if (!document.querySelector("#scatter .main-svg")) return setTimeout(probe, 50);
  seen.charts = document.querySelectorAll(".main-svg").length > 1;
  seen.gain = order();
  at("sort").value = "loss"; at("sort").oninput(); seen.loss = order();
  at("winner").value = "b"; at("winner").oninput(); seen.lost = order();
  at("winner").value = "all"; at("winner").oninput();
  press("x"); seen.swapped = order();
  press("j"); press("ArrowRight");
  seen.divider = document.activeElement.querySelector(".pair").style.getPropertyValue("--at");
  press("b"); seen.beside = document.querySelector(".name-right").textContent;
  at("search").value = "2.PNG"; at("search").oninput(); seen.found = order();
  document.body.textContent = JSON.stringify(seen);
}
setTimeout(probe, 50);
</script>"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs the browser chromium")
def test_a_browser_sorts_filters_and_answers_keys(results, tmp_path):
    page = tmp_path / "report.html"
    page.write_text(render(results).replace("</html>", PROBE + "</html>"), encoding="utf-8")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"]
    command = [CHROMIUM, *options, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    shown = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120)
    (seen,) = re.findall(r"<body>({.*})</body>", shown.stdout, re.S)
    assert json.loads(unescape(seen)) == {
        "charts": True,
        "gain": "102",  # telea over patchmatch: +0.3, +0.1, -0.2
        "loss": "201",
        "lost": "2",
        "swapped": "102",
        "divider": "60%",
        "beside": "telea",
        "found": "2",
    }
