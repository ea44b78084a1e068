# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Marking things by class, without a browser: the hole is that of `ppdeepfill predict --remove`."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import colour_classes
import cv2
import numpy as np
import pytest

from ppdeepfill.app import filling
from ppdeepfill.app.methods import Methods
from ppdeepfill.app.visits import Visits
from ppdeepfill.app.words import Words
from ppdeepfill.app.worker import Cancelled, Job, Jobs, Worker
from ppdeepfill.cli import main
from ppdeepfill.inference.predict import predict
from ppdeepfill.photos import HoleRule
from ppdeepfill.segmentation.recognition import Recognizer
from ppdeepfill.segmentation.removal import Removal

pytest.importorskip("gradio", reason="needs gradio")
from ppdeepfill.app.events import Events, Workshop  # noqa: E402 they need gradio

SKY, PERSON, GRASS = range(3)  # numbers of classes
VISITOR = SimpleNamespace(session_hash="a visitor")


def no_progress(*how_far, **options) -> None: ...


@pytest.fixture
def recognition(tmp_path):
    return colour_classes.recognition(tmp_path)


@pytest.fixture
def workshop(recognition) -> Iterator[Workshop]:
    worker = Worker("cpu")
    yield Workshop(Jobs(worker), Methods(), Visits(), Recognizer(recognition))
    worker.close()


@pytest.fixture
def photo(tmp_path) -> Path:
    colour_classes.write_photo(tmp_path / "walk.png")
    return tmp_path / "walk.png"


def open_file(events: Events, path: Path) -> None:
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    events.open({"file": {"name": path.name, "content": content}}, VISITOR)


def hole_of(painter: dict) -> np.ndarray:
    """The hole that the painter gets, as it draws it."""
    content = base64.b64decode(painter["hole"].partition(",")[2])
    hole = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert hole.shape == (painter["height"], painter["width"])
    return hole > 127


@pytest.mark.parametrize("numbers", [[PERSON], [PERSON, GRASS]], ids=str)
def test_the_hole_and_the_filling_are_those_of_predict(
    numbers, workshop, recognition, photo, tmp_path
):
    events = Events(workshop, Words("en"))
    open_file(events, photo)
    painter, message = events.mark(numbers, VISITOR, no_progress)
    assert "Marked: person" in message
    painted = {"mask": painter["hole"]}
    events.fill(painted, "Telea", 3, False, VISITOR, no_progress)
    events.fill(painted, "demo", 3, False, VISITOR, no_progress)
    visit = workshop.visits.get(VISITOR.session_hash)
    [written] = predict(
        photo,
        save_dir=tmp_path / "out",
        removal=Removal([str(number) for number in numbers], recognition),
        hole_rule=HoleRule(dilate=3),
        model_path=Path("demo"),
        save_mask=True,
    )
    assert filling.mask_file(visit).content == (tmp_path / "out/walk_mask.png").read_bytes()
    assert filling.result_file(visit, as_png=False).content == written.read_bytes()


def test_the_hole_of_a_large_photo_is_shown_as_the_photo_is(workshop, photo, tmp_path):
    picture = cv2.imread(str(photo))
    large = cv2.resize(picture, None, fx=20, fy=20, interpolation=cv2.INTER_NEAREST)
    cv2.imwrite(str(tmp_path / "large.png"), large)
    events = Events(workshop, Words("en"))
    open_file(events, tmp_path / "large.png")
    painter, _ = events.mark([PERSON], VISITOR, no_progress)
    hole = hole_of(painter)
    assert hole.shape == (960, 1280)
    assert 0.06 < hole.mean() < 0.13 and hole[533, 533] and not hole[533, 200]


@pytest.mark.parametrize(
    ("language", "numbers", "message"),
    [
        ("en", [], "Choose what to mark first"),
        ("zh", [], "请先选择要标出的类别"),
        ("en", [7], "There is no such class"),
        ("en", [-1], "There is no such class"),
        ("en", ["person"], "There is no such class"),
        ("en", [[0]], "There is no such class"),
    ],
)
def test_what_cannot_be_marked_is_explained(language, numbers, message, workshop, photo):
    events = Events(workshop, Words(language))
    open_file(events, photo)
    assert message in events.mark(numbers, VISITOR, no_progress)[1]


def test_a_photo_without_such_things_says_what_is_there(workshop, tmp_path):
    cv2.imwrite(str(tmp_path / "sky.png"), np.full([48, 64, 3], (255, 0, 0), np.uint8))
    events = Events(workshop, Words("en"))
    open_file(events, tmp_path / "sky.png")
    _, message = events.mark([PERSON], VISITOR, no_progress)
    assert "sky.png: no person found; the model sees sky" in message


def test_without_a_model_nothing_is_marked(workshop, photo):
    events = Events(workshop._replace(recognizer=None), Words("en"))
    open_file(events, photo)
    assert "There is no such class" in events.mark([PERSON], VISITOR, no_progress)[1]


def test_the_hole_of_a_photo_that_was_replaced_is_dropped(workshop, photo):
    events = Events(workshop, Words("en"))
    open_file(events, photo)
    visit = workshop.visits.get(VISITOR.session_hash)
    open_file(events, photo)
    with pytest.raises(Cancelled):
        events._marked(Job(), VISITOR.session_hash, replace(visit), [PERSON])


def test_a_configuration_without_weights_is_refused_at_once(capsys):
    assert main(["app", "--seg_config", "human.yml"]) == 2
    assert "marking things by class needs --seg_config and --seg_weights" in capsys.readouterr().err


def test_a_model_that_cannot_be_read_ends_the_command(recognition, capsys, tmp_path):
    weights = str(tmp_path / "nowhere.pdparams")
    options = ["--seg_config", str(recognition.config), "--seg_weights", weights, "--port", "7998"]
    assert main(["app", *options]) == 2
    assert "nowhere.pdparams: there is no such file" in capsys.readouterr().err
