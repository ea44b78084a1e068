# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""From reports to tables, card and guide."""

import json
from pathlib import Path

import numpy as np
import pytest
from small_run import write_photos

from ppdeepfill.errors import UserError
from ppdeepfill.evaluation.compare import compare
from ppdeepfill.weights.finding import DEMO, DEMO_SMALL, SHIPPED
from release.card import render_card
from release.curves import draw_curves
from release.guide import BEGIN, END, replace_block
from release.settings import Setting, comparison_of, read_settings
from release.shipping import read_provenance
from release.tables import Result, number, render_results


@pytest.fixture(scope="module")
def result(tmp_path_factory) -> Result:
    """The shipped networks and Telea on small pictures with strokes."""
    place = tmp_path_factory.mktemp("results")
    write_photos(place / "photos")
    setting = Setting("small", "Small pictures", "photos", "free_form", image_size=32)
    test = comparison_of(
        setting,
        model_paths=[Path(DEMO), Path(DEMO_SMALL)],
        methods=["telea"],
        data=place,
        save_dir=place / "out",
    )
    compare(test)
    return Result(setting, json.loads((place / "out/small/report.json").read_text("utf-8")))


def test_tables_hold_the_numbers_of_the_report(result):
    text, record = render_results([result]), result.record
    for metric in record["definitions"]:
        cells = [number(means[metric]) for means in record["means"].values()]
        assert f"| `{metric}` | {' | '.join(cells)} |" in text
    assert "| metric | ours | ours, small | Telea |" in text
    pairs = [p for p in record["pairs"] if p["metric"] == "psnr" and p["first"] == DEMO]
    assert [pair["second"] for pair in pairs] == [DEMO_SMALL, "telea"]
    for pair in pairs:
        assert f"{pair['first_higher']} of {pair['difference']['count']}" in text
    assert "50% to 60%" in text and "| worst |" in text


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        ({"mean": 0.11652, "margin": 0.00341}, "0.1165 ± 0.0034"),
        ({"mean": 23.071, "margin": 0.8}, "23.07 ± 0.80"),
        ({"mean": 0.5, "margin": None}, "0.5000"),
        ({"mean": None, "margin": None}, "undefined"),
    ],
)
def test_a_number_shows_its_interval(estimate, text):
    assert number(estimate) == text


@pytest.mark.parametrize("name", SHIPPED)
def test_the_card_of_shipped_weights_is_the_one_that_is_rendered(name):
    rendered = render_card(name, read_provenance(SHIPPED[name]), [])
    shipped = (SHIPPED[name] / "card.md").read_text("utf-8")
    before, after = rendered.split("Not scored yet.")
    assert shipped.startswith(before) and shipped.endswith(after)


def test_a_block_of_a_guide_is_replaced_and_the_rest_stays(tmp_path):
    guide = tmp_path / "guide.md"
    guide.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    replace_block(guide, "new")
    replace_block(guide, "newer")
    assert guide.read_text() == f"before\n{BEGIN}\n\nnewer\n\n{END}\nafter\n"
    guide.write_text("nothing\n")
    with pytest.raises(UserError, match="must contain the lines"):
        replace_block(guide, "new")


def test_curves_are_the_same_file_for_the_same_numbers(tmp_path):
    others = {"Telea": {"hole_l1": 0.12, "psnr": 22.0}}
    for name in ("a.svg", "b.svg"):
        draw_curves(SHIPPED[DEMO] / "metrics.jsonl", others, tmp_path / name)
    text = (tmp_path / "a.svg").read_text()
    assert "<svg" in text and text == (tmp_path / "b.svg").read_text()


def test_settings_are_found_by_name_and_cut_short():
    methods, settings = read_settings()
    assert "telea" in methods and len({s.name for s in settings}) == len(settings)
    assert read_settings([])[1] == []
    assert read_settings([settings[1].name])[1] == [settings[1]]
    with pytest.raises(UserError, match="no setting named 'x'"):
        read_settings(["x"])
    assert settings[0].at_most(7).num_images == 7
    assert settings[0]._replace(num_images=5).at_most(7).num_images == 5
    assert settings[0].at_most(None) == settings[0]


def test_all_bundled_photographs_are_one_source(tmp_path):
    from ppdeepfill.data import open_source

    setting = Setting("bundled", "", "bundled", "center")
    test = comparison_of(setting, model_paths=(), methods=(), data=tmp_path, save_dir=tmp_path)
    source = open_source(test.images)
    assert len(source) == 11
    assert np.prod(source.read(10).shape) > 0
