# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import errno
import fcntl
import json
import logging
import math
import sys

import cv2
import numpy as np
import pytest
from small_run import small_config

from ppdeepfill.errors import OutputError, UserError
from ppdeepfill.training.log import TrainingLog, duration, rewind
from ppdeepfill.training.meter import Reading

READING = Reading({"loss": 1.5, "critic": -2.0}, reader_cost=0.25, batch_cost=0.5, samples=96.0)


def config_of(tmp_path, **changes):
    return small_config(tmp_path / "photos", tmp_path / "run", **changes)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "00:00:00"), (3725.6, "01:02:06"), (445000, "123:36:40")]
)
def test_durations_are_hours_minutes_seconds(seconds, text):
    assert duration(seconds) == text


def test_line_and_record_hold_the_same_numbers(tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="ppdeepfill")
    with TrainingLog(config_of(tmp_path)) as log:
        log.start(0)
        log.train(1, READING, learning_rate=1e-4)
    assert caplog.messages[-1] == (
        "[TRAIN] iter: 1/4, loss: 1.5000, critic: -2.0000, lr: 0.000100, avg_reader_cost: 0.25000 "
        "sec, avg_batch_cost: 0.50000 sec, avg_samples: 96.0, ips: 192.00 images/sec, eta: 00:00:02"
    )
    (line,) = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "type": "train", "iter": 1, "loss": 1.5, "critic": -2.0, "lr": 1e-4,
        "avg_reader_cost": 0.25, "avg_batch_cost": 0.5, "avg_samples": 96.0, "ips": 192.0,
        "eta": "00:00:02",
    }  # fmt: skip
    assert caplog.messages[-1] in (tmp_path / "run" / "log.txt").read_text()


def test_an_interval_without_a_good_update_is_still_json(tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="ppdeepfill")
    with TrainingLog(config_of(tmp_path)) as log:
        log.start(0)
        log.train(1, READING._replace(scalars={}), learning_rate=1e-4)
    assert "loss: nan, " in caplog.messages[-1]
    record = json.loads((tmp_path / "run" / "metrics.jsonl").read_text())
    assert record["loss"] is None
    assert not any(isinstance(v, float) and math.isnan(v) for v in record.values())


def test_log_file_is_let_go(tmp_path):
    logger = logging.getLogger("ppdeepfill")
    before = list(logger.handlers)
    with pytest.raises(RuntimeError), TrainingLog(config_of(tmp_path)):
        logger.warning("inside")
        raise RuntimeError
    logger.warning("outside")
    assert logger.handlers == before
    text = (tmp_path / "run" / "log.txt").read_text()
    assert "inside" in text
    assert "outside" not in text


def test_a_terminal_shows_a_bar_instead_of_lines(tmp_path, caplog, capsys, monkeypatch):
    caplog.set_level(logging.INFO, logger="ppdeepfill")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    with TrainingLog(config_of(tmp_path)) as log:
        log.start(0)
        log.advance()
        log.train(1, READING, learning_rate=1e-4)
    assert not [m for m in caplog.messages if m.startswith("[TRAIN]")]
    assert "loss: 1.5000" in capsys.readouterr().out
    assert "[TRAIN] iter: 1/4, loss: 1.5000" in (tmp_path / "run" / "log.txt").read_text()


def test_rewinding_keeps_what_was_measured_before(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert rewind(path, 5) == []
    lines = [json.dumps({"type": "train", "iter": n, "loss": n / 3}) + "\n" for n in (2, 4, 6)]
    path.write_text("".join(lines) + lines[0][:9])
    assert [record["iter"] for record in rewind(path, 4)] == [2, 4]
    assert path.read_text() == "".join(lines[:2])


def test_pictures_keep_their_colours(tmp_path):
    picture = np.zeros([4, 6, 3], np.uint8)
    picture[..., 0] = 200  # red
    with TrainingLog(config_of(tmp_path)) as log:
        log.start(0)
        path = log.picture(3, picture)
    assert path == tmp_path / "run" / "images" / "iter_00000003.png"
    assert (cv2.imread(str(path))[..., ::-1] == picture).all()


def test_visualdl_gets_scalars_and_pictures_once(tmp_path):
    pytest.importorskip("visualdl")
    from visualdl import LogReader

    config = config_of(tmp_path, logging__visualdl=True)
    for start in (0, 1):  # the second start goes on after iteration 1
        with TrainingLog(config) as log:
            log.start(start)
            for iteration in range(start + 1, 3):
                log.train(iteration, READING, learning_rate=1e-4)
            log.validate(2, {"hole_l1": 0.25})
            log.picture(2, np.full([4, 4, 3], 9, np.uint8))
    (file,) = (tmp_path / "run" / "vdl").iterdir()
    reader = LogReader(file_path=str(file))
    losses = reader.get_data("scalar", "train/loss")
    assert [(point.id, point.value) for point in losses] == [(1, 1.5), (2, 1.5)]
    assert [p.value for p in reader.get_data("scalar", "validate/hole_l1")] == [0.25]
    assert len(reader.get_data("image", "train/samples")) == 1


def test_a_second_run_leaves_the_log_of_the_first_alone(tmp_path, monkeypatch):
    def refuse(*_):
        raise BlockingIOError(errno.EAGAIN, "in use")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    with pytest.raises(UserError, match="another run"), TrainingLog(config_of(tmp_path)):
        pass
    assert not (tmp_path / "run" / "log.txt").exists()


def test_the_log_tells_why_a_run_ended(tmp_path):
    for error in (UserError("the disk is full"), RuntimeError("a bug")):
        with pytest.raises(type(error)), TrainingLog(config_of(tmp_path)):
            raise error
    text = (tmp_path / "run" / "log.txt").read_text()
    assert "ERROR the run failed: the disk is full" in text
    assert text.count("Traceback") == 1 and "a bug" in text.split("Traceback")[1]


def test_names_that_are_no_utf8_are_logged(tmp_path):
    with TrainingLog(config_of(tmp_path)):
        logging.getLogger("ppdeepfill").warning("skipped %s", "\udcc4.jpg")
    assert r"skipped \udcc4.jpg" in (tmp_path / "run" / "log.txt").read_text()


def test_a_log_on_a_full_disk_is_an_error(tmp_path):
    words = "cannot write .*log.txt: No space left.*same command to continue"
    with pytest.raises(OutputError, match=words), TrainingLog(config_of(tmp_path)):
        (tmp_path / "run" / "log.txt").symlink_to("/dev/full")
        logging.getLogger("ppdeepfill").warning("lost")


def test_a_stage_that_trains_a_critic_alone_has_no_loss_rather_than_nan(tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="ppdeepfill")
    with TrainingLog(config_of(tmp_path)) as log:
        log.start(0)
        log.train(1, READING._replace(scalars={"critic_alone": 1.0}), learning_rate=1e-4)
    assert "loss" not in caplog.messages[-1]
    (line,) = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert "loss" not in json.loads(line)
