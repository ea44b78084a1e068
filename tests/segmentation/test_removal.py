# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import shutil

import cv2
import numpy as np
import pytest
from small_run import save_small_network

from ppdeepfill.cli import main
from ppdeepfill.data.decoding import read_image
from ppdeepfill.segmentation.recognition import shrunk, without_gaps


@pytest.fixture
def remove(registered, tmp_path, monkeypatch, write_model, labels, photo):
    """The verb on the photo, or what is given in its place; returns the exit status."""
    monkeypatch.chdir(tmp_path)
    save_small_network(tmp_path / "run")

    def run(*arguments, path=photo, names=True) -> int:
        config, weights = write_model()
        given = [*arguments, "--image_path", path, "--model_path", "run", "--device", "cpu"]
        if "--seg_config" not in given:
            given += ["--seg_config", config, "--seg_weights", weights]
        if names:
            given += ["--seg_labels", labels]
        return main(["predict", *map(str, given)])

    return run


def mask_of(name: str) -> np.ndarray:
    return cv2.imread(f"output/result/{name}_mask.png", cv2.IMREAD_UNCHANGED)


def test_a_person_is_removed_and_all_else_stays(remove, photo):
    assert remove("--remove", "person", "--save_mask") == 0
    expected = np.zeros([72, 96], np.uint8)
    expected[20:60, 30:50] = 255  # with the gap, without the speck
    np.testing.assert_array_equal(mask_of("walk"), expected)
    before, after = read_image(photo), read_image(photo.parents[1] / "output/result/walk.png")
    np.testing.assert_array_equal(after[expected == 0], before[expected == 0])
    assert (after[expected > 0] != before[expected > 0]).any(axis=-1).mean() > 0.9


def test_the_mask_that_is_saved_gives_the_same_result(remove, photo, tmp_path):
    assert remove("--remove", "person", "--save_mask", "--dilate", "3") == 0
    saved = tmp_path / "mask.png"
    shutil.copy("output/result/walk_mask.png", saved)
    arguments = ["--mask_path", saved, "--image_path", photo, "--save_dir", "again"]
    assert main(["predict", "--model_path", "run", "--device", "cpu", *map(str, arguments)]) == 0
    first, again = (
        read_image(tmp_path / f"{name}/walk.png") for name in ("output/result", "again")
    )
    np.testing.assert_array_equal(first, again)


def test_the_hole_is_widened_and_gaps_may_stay(remove):
    assert remove("--remove", "1", "--save_mask", "--fill_gaps", "16", "--dilate", "2") == 0
    mask = mask_of("walk") > 0
    assert mask[40, 28] and not mask[40, 27]
    assert mask[30:34, 36:40].all()  # not small enough for a gap, but 2 from each side close it
    assert remove("--remove", "1", "--save_mask", "--fill_gaps", "0") == 0
    assert not (mask_of("walk")[30:34, 36:40] > 0).any()


def test_several_classes_make_one_hole(remove):
    assert remove("--remove", "person", "grass", "--save_mask") == 0
    mask = mask_of("walk") > 0
    assert mask[40:].all() and mask[20:40, 30:50].all() and not mask[:20].any()


def test_a_large_photo_is_shrunk_for_the_model_alone(remove, photo):
    assert remove("--remove", "person", "--save_mask", "--seg_limit", "48") == 0
    mask = mask_of("walk") > 0
    expected = np.zeros([72, 96], bool)
    expected[20:60, 30:50] = True
    assert mask.shape == (72, 96)
    assert (mask != expected).mean() < 0.03


def test_photos_of_a_folder_without_the_class_are_counted(remove, photo, capsys):
    empty = np.zeros([48, 64, 3], np.uint8)
    empty[..., 0] = 255  # blue for OpenCV
    cv2.imwrite(str(photo.parent / "empty.png"), empty)
    assert remove("--remove", "person", path=photo.parent) == 0
    found = capsys.readouterr().out
    assert "empty.png: no person found; the model sees sky" in found
    assert "1 photos filled, 0 skipped, 1 without a hole left out" in found


def test_a_photo_without_the_class_is_an_error(remove, photo, capsys):
    cv2.imwrite(str(photo), np.full([48, 64, 3], (255, 0, 0), np.uint8))
    assert remove("--remove", "person", "grass") == 2
    assert "no person, grass found; the model sees sky" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "names", "message"),
    [
        ("--remove preson", True, "unknown class 'preson', did you mean person"),
        ("--remove person", False, "names of the classes are not known; give a number from 0 to 2"),
        ("--remove 7", True, "the classes 0 to 2; got 7"),
        ("--remove person --hole_color white", True, "--remove finds the hole itself"),
        ("--remove person --mask_path photos", True, "--remove finds the hole itself"),
        ("--remove person --seg_config nowhere.yml", True, "--remove needs --seg_config and"),
        ("--hole_color white", True, "--seg_config goes with --remove CLASS"),
        (
            "--remove person --seg_config nowhere.yml --seg_weights seg.pdparams",
            True,
            "no PaddleSeg configuration at nowhere.yml",
        ),
        (
            "--remove person --seg_config seg.yml --seg_weights nowhere.pdparams",
            True,
            "nowhere.pdparams: there is no such file",
        ),
        ("--remove sky person grass", True, "the hole covers the whole photo"),
    ],
)
def test_what_cannot_work_is_explained(remove, capsys, arguments, names, message):
    assert remove(*arguments.split(), names=names) == 2
    found = capsys.readouterr().err
    assert message in found and "Traceback" not in found


def test_without_gaps_keeps_what_is_open_or_large():
    hole = np.ones([20, 20], bool)
    hole[2:4, 2:4] = False  # 4 pixels inside
    hole[0, 10] = False  # at the border
    hole[10:15, 10:15] = False  # 25 pixels
    filled = without_gaps(hole, 5)
    assert filled[2:4, 2:4].all() and not filled[0, 10] and not filled[10:15, 10:15].any()
    np.testing.assert_array_equal(without_gaps(hole, 0), hole)
    assert without_gaps(np.zeros([4, 4], bool), 100).sum() == 0
    assert without_gaps(np.ones([4, 4], bool), 100).all()


def test_shrunk_keeps_the_shape_and_small_images():
    image = np.zeros([60, 100, 3], np.uint8)
    assert shrunk(image, 50).shape == (30, 50, 3)
    assert shrunk(image, 100) is image
