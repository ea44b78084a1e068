# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from ppdeepfill.cli import main
from ppdeepfill.drawing.curves import (
    Curve,
    curves_page,
    draw_curves,
    minutes_at,
    read_entries,
)
from ppdeepfill.errors import DataError


def entries(scale: float = 1.0) -> list[dict]:
    log = []
    for iteration in (10, 20, 30):
        costs = {"lr": 1e-4, "avg_batch_cost": scale * iteration, "ips": 3.0, "eta": "00:00:01"}
        log.append({"type": "train", "iter": iteration, "loss": scale / iteration, **costs})
    log.append({"type": "validate", "iter": 30, "hole_l1": 0.1 * scale, "psnr": 20.0})
    return log


def write_run(folder: Path, lines: list) -> Path:
    folder.mkdir(parents=True)
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    (folder / "metrics.jsonl").write_text(text, encoding="utf-8")
    return folder


def test_minutes_are_sums_of_the_costs():
    # 10 iterations of 10 s, then 10 of 20 s, then 10 of 30 s
    np.testing.assert_allclose(minutes_at(entries(), [0, 5, 10, 30]), [0, 50 / 60, 100 / 60, 10])


def test_each_score_and_loss_has_a_panel_and_each_run_its_line():
    curves = [Curve("a", entries(), "a"), Curve("b", entries(2.0), "b")]
    page = curves_page(draw_curves(curves), "Two runs")
    titles = re.findall(r"(?:validation|training): \w+", page)
    assert sorted(set(titles)) == ["training: loss", "validation: hole_l1", "validation: psnr"]


def test_the_page_needs_nothing_from_outside():
    page = curves_page(draw_curves([Curve("<b>$x_1$", entries(), "a")]), "a < b")
    assert not re.findall(r"(?:href|src)=\"(?!#)|url\((?!#)|<script|<link|@import", page)
    assert "a &lt; b" in page and "<b>$" not in page


def test_equal_logs_give_equal_files():
    curves = [Curve("a", entries(), "a")]
    assert draw_curves(curves) == draw_curves(curves)


def test_undefined_means_leave_a_gap():
    log = entries()
    log[1]["loss"] = None
    assert draw_curves([Curve("a", log, "a")]).png[:4] == b"\x89PNG"


def test_a_half_written_line_is_left_out(tmp_path):
    run = write_run(tmp_path / "run", [*entries(), '{"type": "train", "it'])
    assert read_entries(run) == entries()
    assert read_entries(run / "metrics.jsonl") == entries()


@pytest.mark.parametrize(
    ("lines", "message"),
    [([], "has no entries yet"), (["[1, 2]"], "is no log of a training run")],
)
def test_other_files_are_refused(tmp_path, lines, message):
    with pytest.raises(DataError, match=message):
        read_entries(write_run(tmp_path / "run", lines))


def test_the_verb_draws_several_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("a/run", "b/run", "_c"):
        write_run(tmp_path / name, entries())
    assert main(["curves", "a/run", "b/run", "_c", "--html", "--out", "new/all.png"]) == 0
    assert cv2.imread("new/all.png").ndim == 3
    page = Path("new/all.html").read_text(encoding="utf-8")
    assert "a/run" in page and "_c" in page
    assert main(["curves", "_c", "--by", "minutes"]) == 0
    assert Path("curves.png").is_file() and not Path("curves.html").exists()
    assert main(["curves", "nowhere"]) == 2
    assert "no metrics.jsonl at nowhere; expected the output_dir" in capsys.readouterr().err
    assert main(["curves", "_c", "--out", "curves.jpg"]) == 2
    assert "must end in .png" in capsys.readouterr().err
