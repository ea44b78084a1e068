# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import base64
import json
import math
import re
from html import unescape

import cv2
import numpy as np
import pytest

from ppdeepfill.evaluation.report.page import render_page
from ppdeepfill.evaluation.scoring import ImageResult

NAME = """<script>"x"&{{text}}'.png"""


@pytest.fixture
def results(rng):
    picture = rng.integers(0, 256, [16, 16, 3], dtype=np.uint8)
    scores = {"telea": {"hole_l1": 0.25, "psnr": 20.0, "relative_l1": math.nan}}
    pictures = {"input": picture, "telea": picture, "telea: offsets": picture}
    return [
        ImageResult(3, NAME, 0.25, b"", scores, {}, pictures),
        ImageResult(4, "not shown", 0.25, b"", scores, {}, {}),
    ]


def test_the_page_needs_nothing_from_outside(results):
    page = render_page("the report", results)
    assert not re.findall(r"https?:|url\(|<link|src=\"(?!data:)", page)
    assert "not shown" not in page and "the report" in page
    assert "{{" not in page.replace(NAME, "").replace("{{text}}", "")


def test_names_are_text_not_markup(results):
    page = render_page("a < b", results)
    assert page.count("<script>") == 1  # our own
    assert "a &lt; b" in page and "&lt;script&gt;" in page


def test_samples_carry_the_numbers_to_sort_by(results):
    page = render_page("", results)
    (values,) = re.findall(r'data-values="([^"]*)"', page)
    values = json.loads(unescape(values))
    assert values["telea: hole_l1"] == 0.25 and values["telea: relative_l1"] is None
    assert re.findall(r"<option>([^<]*)", page) == list(values)


def test_offset_maps_keep_their_colours(results):
    (encoded,) = re.findall(r"data:image/png;base64,([^\"]*)", render_page("", results))
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(encoded), np.uint8), cv2.IMREAD_COLOR)
    assert (decoded[..., ::-1] == results[0].pictures["telea: offsets"]).all()


def test_a_page_without_pictures_says_so(results):
    assert "No pictures were requested." in render_page("", results[1:])
