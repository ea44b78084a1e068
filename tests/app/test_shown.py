# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What the browser gets to show."""

import base64

import cv2
import numpy as np

from ppdeepfill.app.shown import LONGEST, STEP, shown_filling, shown_size
from ppdeepfill.inference.strategies import Filling


def decoded(url: str) -> np.ndarray:
    content = base64.b64decode(url.partition(",")[2])
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)


def test_small_photos_are_shown_as_they_are_and_large_ones_smaller():
    assert shown_size((427, 640)) == (427, 640)
    assert shown_size((3000, 4000)) == (LONGEST * 3 // 4, LONGEST)
    assert shown_size((1, 60000)) == (1, LONGEST)


def test_places_point_to_where_they_were_borrowed_from_at_the_shown_size():
    size, scale = (1200, 2560), 2
    hole = np.zeros(size, bool)
    hole[400:600, 800:1200] = True
    offsets = np.zeros([2, *size], np.int32)
    offsets[0, hole], offsets[1, hole] = -200, 300
    image = np.full((*size, 3), 90, np.uint8)
    views = shown_filling(image, hole, Filling(image, offsets, coarse=None))
    assert (views["height"], views["width"]) == (600, 1280)
    raw = np.frombuffer(base64.b64decode(views["offsets"]), "<i2")
    ways = raw.reshape(2, views["rows"], views["columns"])
    row, column = 500 // scale // STEP, 1000 // scale // STEP
    assert ways[:, row, column].tolist() == [-100, 150]
    assert not ways[:, 0, 0].any()
    np.testing.assert_array_equal(decoded(views["hole"]) > 127, hole[::scale, ::scale])
    assert decoded(views["borrowed"]).shape == decoded(views["after"]).shape == (600, 1280, 3)


def test_what_a_method_does_not_have_is_not_shown():
    image, hole = np.zeros((20, 30, 3), np.uint8), np.eye(20, 30, dtype=bool)
    views = shown_filling(image, hole, Filling(image, None))
    assert views["coarse"] is None and views["borrowed"] is None
