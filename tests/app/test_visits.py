# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What the page keeps for its visitors: apart, and bounded."""

from dataclasses import replace

import numpy as np
import pytest

from ppdeepfill.app.visits import Result, Visit, Visits
from ppdeepfill.errors import DataError


def visit(size: int, name: str = "photo.png") -> Visit:
    return Visit(name, bytes(size), (10, 10))


def result(pixels: int) -> Result:
    return Result(np.zeros(13, np.uint8), np.zeros([pixels, 3], np.uint8))


def test_each_session_has_its_own_photo():
    visits = Visits()
    visits.open("a", visit(10, "a.png"))
    visits.open("b", visit(10, "b.png"))
    assert (visits.get("a").name, visits.get("b").name) == ("a.png", "b.png")


def test_those_not_used_for_longest_give_way_when_memory_is_short():
    visits = Visits(memory=250)
    for session in "ab":
        visits.open(session, visit(100))
    visits.get("a")
    visits.open("c", visit(100))
    assert visits.bytes_held == 200
    assert visits.get("a") and visits.get("c")
    with pytest.raises(DataError, match="open it again"):
        visits.get("b")


def test_the_number_of_visits_is_bounded_too():
    visits = Visits(most=3)
    for session in "abcde":
        visits.open(session, visit(1))
    assert len(visits) == 3


def test_a_result_counts_as_memory_and_stays_with_its_photo():
    visits = Visits(memory=250)
    visits.open("a", visit(100))
    mine = visit(100)
    visits.open("b", mine)
    assert visits.finish("b", mine, result(20))
    assert visits.get("b").result.colors.shape == (20, 3)
    assert visits.bytes_held == 173 and len(visits) == 1  # "a" gave way


def test_a_result_for_a_photo_that_was_replaced_is_dropped():
    visits = Visits()
    old, new = visit(10, "old.png"), visit(10, "new.png")
    visits.open("a", old)
    visits.open("a", new)
    assert not visits.finish("a", old, result(1))
    assert visits.get("a").result is None


def test_a_second_result_replaces_the_first():
    visits, mine = Visits(), visit(10)
    visits.open("a", mine)
    visits.finish("a", mine, result(5))
    assert visits.finish("a", replace(mine, result=None), result(7))
    assert len(visits.get("a").result.colors) == 7


def test_who_leaves_leaves_nothing():
    visits, mine = Visits(), visit(10)
    visits.open("a", mine)
    visits.end("a")
    visits.end("a")
    assert visits.bytes_held == 0 and not visits.finish("a", mine, result(1))
