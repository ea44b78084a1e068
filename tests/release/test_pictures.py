# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
import cv2

from ppdeepfill.drawing.grid import GAP
from release.command_line import IMAGES, main
from release.pictures import HOLES, SIDE


def test_the_pictures_of_the_guides_are_drawn_by_one_command(tmp_path, monkeypatch):
    monkeypatch.setattr("release.command_line.IMAGES", tmp_path)
    assert main(["--pictures", "--device", "cpu"]) == 0
    demo, stored = (cv2.imread(str(folder / "demo.jpg")) for folder in (tmp_path, IMAGES))
    height = len(HOLES) * SIDE + (len(HOLES) - 1) * GAP
    assert demo.shape == stored.shape == (height, 4 * SIDE + 3 * GAP, 3)
    known = (slice(0, 40), slice(SIDE + GAP, 2 * SIDE))  # of the completed image, above its hole
    truth = (slice(0, 40), slice(2 * (SIDE + GAP), 3 * SIDE + GAP))
    assert abs(demo[known].astype(int) - demo[truth]).max() < 30  # of JPEG
    assert (tmp_path / "attention_steps.png").is_file()
