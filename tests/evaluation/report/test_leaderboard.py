# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import re

import pytest

from ppdeepfill.evaluation.report.leaderboard import headline, leaderboard, ranking, standing


def record_of(means: dict[str, float], p_value: float = 0.01) -> dict:
    """A record of one metric; every pair of methods has the same p-value."""
    numbers = {
        method: {"hole_l1": {"mean": mean, "margin": 0.01, "count": 20}}
        for method, mean in means.items()
    }
    pairs = [
        {
            "first": one,
            "second": other,
            "metric": "hole_l1",
            "first_lower": 18,
            "first_higher": 2,
            "p_value": p_value,
        }
        for place, one in enumerate(means)
        for other in list(means)[place + 1 :]
    ]
    return {
        "images": {"scored": 20},
        "definitions": {"hole_l1": {"better": "lower", "meaning": "", "literature": ""}},
        "means": numbers,
        "pairs": pairs,
        "fid": {},
    }


def words(html: str) -> str:
    return re.sub(r"<.*?>", "", html).replace("&plusmn;", "+-")


def test_the_headline_names_the_best_and_its_lead():
    assert words(headline(record_of({"ours": 0.09, "telea": 0.1}))) == (
        "ours: hole_l1 0.0900 +- 0.0100, 10% below telea, better on 18 of 20 images (p = 0.01)"
    )


def test_the_headline_counts_for_the_best_wherever_it_stands_in_the_pair():
    assert "better on 2 of 20" in headline(record_of({"telea": 0.1, "ours": 0.09}))


def test_the_headline_claims_nothing_that_may_be_chance():
    text = words(headline(record_of({"ours": 0.09, "telea": 0.1}, p_value=0.3)))
    assert "close to telea" in text and "may be chance (p = 0.3)" in text and "below" not in text


def test_a_single_method_is_stated_without_a_rival():
    assert (
        words(headline(record_of({"ours": 0.09}))) == "ours: hole_l1 0.0900 +- 0.0100 on 20 images"
    )


def test_names_in_the_table_are_text():
    assert "<b>x" not in leaderboard(record_of({"<b>x": 0.1, "y": 0.2}))
    assert "<b>x" not in headline(record_of({"<b>x": 0.1, "y": 0.2}))


@pytest.mark.parametrize(("p_value", "expected"), [(0.04, ""), (0.05, "close")])
def test_a_method_that_the_test_cannot_tell_from_the_best_is_marked(p_value, expected):
    record = record_of({"ours": 0.09, "telea": 0.1}, p_value)
    assert standing(record, "ours", "hole_l1") == "best"
    assert standing(record, "telea", "hole_l1") == expected


def test_higher_is_better_turns_the_order_round_and_undefined_comes_last():
    record = record_of({"a": 0.1, "b": None, "c": 0.3})
    assert ranking(record, "hole_l1") == ["a", "c", "b"]
    record["definitions"]["hole_l1"]["better"] = "higher"
    assert ranking(record, "hole_l1") == ["c", "a", "b"]


def test_bars_start_at_zero_and_the_longest_interval_fills_the_cell():
    table = leaderboard(record_of({"a": 0.09, "b": 0.19}))
    assert re.findall(r'<i style="width:([\d.]+)%', table) == ["45.0", "95.0"]
    assert "left:90.0%;width:10.0%" in table
