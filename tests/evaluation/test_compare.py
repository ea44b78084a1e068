# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import csv
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_run import small_config, write_labels

from ppdeepfill import __version__
from ppdeepfill.cli import main
from ppdeepfill.data.decoding import read_image
from ppdeepfill.evaluation.compare import compare
from ppdeepfill.evaluation.metrics import METRICS, measure
from ppdeepfill.evaluation.settings import ComparisonSettings
from ppdeepfill.inference.baselines import BASELINES, mean_fill
from ppdeepfill.inference.inpainter import Inpainter
from ppdeepfill.networks import build_network
from ppdeepfill.training.state import layer_arrays
from ppdeepfill.weights.checkpoint import save_best
from ppdeepfill.weights.generator_file import Generator

ROOT = Path(__file__).resolve().parents[2]
REPORT = {"test.txt", "report.json", "per_image.csv", "report.html", "ranked.png"}
LAUNCHER = "-m paddle.distributed.launch --nproc_per_node 2 --backend gloo".split()
SMALL = ["--image_size", "32", "--hole_size", "16", "--device", "cpu"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save_network(output_dir: Path) -> Path:
    options = {"base_channels": 2}
    weights = layer_arrays(build_network("deepfill_v1", **options))
    return save_best(output_dir, Generator("deepfill_v1", options, 7, weights))


def run(*arguments) -> None:
    assert main(["test", *SMALL, *map(str, arguments)]) == 0


def record_in(folder: Path) -> dict:
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


def rows_in(folder: Path) -> list[dict]:
    with (folder / "per_image.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def refusal(capsys, *arguments) -> str:
    """The message of a refused command, which has written nothing."""
    try:
        status = main(["test", *map(str, arguments)])
    except SystemExit as error:  # by argparse
        status = error.code
    assert status == 2
    message = capsys.readouterr().err
    assert "Traceback" not in message
    assert not any(path.name in REPORT for path in Path().rglob("*"))
    return message


def test_the_numbers_are_those_of_measure(folder, photos):
    run("--images", photos, "--methods", "mean_fill", "telea")
    mask = np.zeros([32, 32], np.uint8)
    mask[8:24, 8:24] = 1
    expected = []
    for path in sorted(photos.iterdir()):
        image = read_image(path)[4:36, 8:40]  # the middle of 40 x 48
        expected.append(measure(mean_fill(image, mask * np.uint8(255)), image, mask))
    rows = [row for row in rows_in(folder / "output") if row["method"] == "mean_fill"]
    record = record_in(folder / "output")
    for name in METRICS:
        values = [scores[name] for scores in expected]
        assert [float(row[name]) for row in rows] == pytest.approx(values)
        assert record["means"]["mean_fill"][name]["mean"] == pytest.approx(np.mean(values))
    assert {path.name for path in (folder / "output").iterdir()} == REPORT


def test_label_maps_guide_the_networks_that_take_them(folder, photos):
    labels = write_labels(folder / "labels", photos)
    options = {"base_channels": 2, "classes": 3, "attention_grid": 8}
    network = build_network("semantic_guidance", **options)
    save_best(Path("guided"), Generator("semantic_guidance", options, 1, layer_arrays(network)))
    save_network(Path("plain"))
    given = ["--images", photos, "--num_images", "2", "--model_path", "guided", "plain"]
    run(*given, "--save_dir", "guessed")
    run(*given, "--save_dir", "told", "--labels", labels)
    told, guessed = record_in(folder / "told"), record_in(folder / "guessed")
    assert told["means"]["guided"] != guessed["means"]["guided"]
    assert told["means"]["plain"] == guessed["means"]["plain"]
    note = "guided was told the class of every pixel, also in the hole"
    assert note in told["notes"] and note not in guessed["notes"]

    sample = cv2.imread(str(labels / "0.png"), cv2.IMREAD_GRAYSCALE)[4:36, 8:40]
    image = read_image(photos / "0.png")[4:36, 8:40]
    mask = np.zeros([32, 32], np.uint8)
    mask[8:24, 8:24] = 1
    covered = np.where(mask[..., None] > 0, 127, image).astype(np.uint8)
    filled = Inpainter(network)(covered, mask * np.uint8(255), sample)
    row = next(r for r in rows_in(folder / "told") if r["method"] == "guided")
    assert float(row["psnr"]) == pytest.approx(measure(filled, image, mask)["psnr"])


def test_label_maps_that_nothing_takes_or_that_are_missing_are_refused(folder, photos, capsys):
    assert "none of the methods takes a label map" in refusal(
        capsys, *SMALL, "--images", photos, "--methods", "telea", "--labels", photos
    )
    options = {"base_channels": 2, "classes": 3}
    network = build_network("semantic_guidance", **options)
    save_best(Path("guided"), Generator("semantic_guidance", options, 1, layer_arrays(network)))
    given = [*SMALL, "--images", photos, "--model_path", "guided", "--labels"]
    assert "--labels: no such folder" in refusal(capsys, *given, "nowhere")
    Path("empty").mkdir()
    assert "has no label map" in refusal(capsys, *given, "empty")


def test_the_report_says_what_was_compared(folder, photos):
    file = save_network(folder / "run")
    run("--images", photos, "--methods", "telea", "--model_path", "run", "--num_images", 3)
    record = record_in(folder / "output")
    network, telea = record["methods"]
    assert network["name"] == "run" and telea["name"] == "telea"
    assert network["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert network["description"] == "deepfill_v1 (base_channels=2), iteration 7"
    assert record["images"]["scored"] == 3
    text = (folder / "output" / "test.txt").read_text(encoding="utf-8")
    assert f"3 of {photos}" in text and network["sha256"] in text and __version__ in text
    for name in METRICS:
        assert f"\n{name} " in text
    assert "run - telea" in text and "Wilcoxon" in text and "lpips is absent" in text


def test_without_arguments_the_newest_run_is_tested_as_it_was_trained(folder, photos):
    save_network(folder / "output" / "older")
    file = save_network(folder / "output" / "newer")
    config = small_config(photos, "output/newer", mask__size=8)
    (file.parent.parent / "config.yaml").write_text(config.to_yaml())
    assert main(["test"]) == 0
    record = record_in(folder / "output")
    assert [Path(method["name"]).name for method in record["methods"]] == ["newer"]
    assert record["images"]["source"] == "bundled:validation"
    assert record["images"]["size"].startswith("32 x 32")
    assert record["masks"]["description"] == "centred hole of 8 x 8 pixels"


def test_without_a_run_the_shipped_network_is_tested_as_it_was_trained(folder, photos, capsys):
    assert main(["test", "--num_images", "1", "--pictures", "0"]) == 0
    record = record_in(folder / "output")
    assert [method["name"] for method in record["methods"]] == ["demo"]
    assert record["images"]["size"].startswith("128 x 128")
    assert "no trained network below output: using demo" in capsys.readouterr().out


def test_best_median_and_worst_image_are_shown(folder, photos):
    run("--images", photos, "--methods", "telea", "mean_fill")
    errors = {r["name"]: float(r["hole_l1"]) for r in rows_in(folder / "output")[::2]}
    ranked = record_in(folder / "output")["ranked"]
    assert [ranked[rank]["hole_l1"]["telea"] for rank in ("best", "median", "worst")] == [
        sorted(errors.values())[place] for place in (0, len(errors) // 2, -1)
    ]
    pictures = read_image(folder / "output/ranked.png")
    assert pictures.shape == (3 * 32 + 2 * 4, 4 * 32 + 3 * 4, 3)
    worst = read_image(photos / ranked["worst"]["name"])[4:36, 8:40]
    np.testing.assert_array_equal(pictures[-32:, -32:], worst)


def test_scores_of_an_earlier_report_are_taken_for_the_same_samples(folder, photos, monkeypatch):
    save_network(folder / "run")
    names = ["mean_fill", "telea"]
    common = {"images": str(photos), "image_size": (32, 32), "hole_size": (16, 16)}
    common |= {"model_paths": [Path("run")], "methods": names}
    compare(ComparisonSettings(**common, save_dir=folder / "first"))
    compare(ComparisonSettings(**common | {"masks": "rectangle"}, save_dir=folder / "rectangle"))
    calls = []
    monkeypatch.setitem(
        BASELINES, "telea", lambda *arrays: calls.append(1) or BASELINES["mean_fill"](*arrays)
    )
    compare(ComparisonSettings(**common, save_dir=folder / "new", earlier=folder / "first"))
    assert rows_in(folder / "new") == rows_in(folder / "first")
    assert len(calls) == 3  # of ranked.png
    for other in ("rectangle", "absent"):  # other samples, or no report: computed
        compare(ComparisonSettings(**common, save_dir=folder / other, earlier=folder / other))
        if other == "rectangle":
            assert rows_in(folder / other) != rows_in(folder / "first")
    assert len(calls) == 3 + 2 * (8 + 3)


def test_a_configuration_gives_images_and_sizes(folder, photos):
    config = small_config(photos, "run", data__validation=str(photos), data__image_size=40)
    Path("c.yaml").write_text(config.to_yaml())
    given = ["test", "--methods", "mean_fill", "--config", "c.yaml"]
    assert main([*given, "--image_size", "40", "24"]) == 0
    masks = record_in(folder / "output")["masks"]
    assert masks["description"] == "centred hole of 20 x 12 pixels"
    assert main([*given, "--hole_size", "8"]) == 0
    record = record_in(folder / "output")
    assert record["images"]["source"] == str(photos)
    assert record["images"]["size"].startswith("40 x 40")
    assert record["masks"]["description"] == "centred hole of 8 x 8 pixels"


def test_saved_masks_give_the_same_numbers(folder, photos):
    settings = ["--images", photos, "--methods", "telea", "--num_images", 4]
    run(*settings, "--masks", "free_form", "--save_masks", "masks", "--save_dir", "drawn")
    run(*settings, "--masks", "masks", "--save_dir", "read", "--num_workers", 0)
    assert rows_in(folder / "drawn") == rows_in(folder / "read")
    digests = {record_in(folder / name)["samples_sha256"] for name in ("drawn", "read")}
    assert len(digests) == 1
    assert len(record_in(folder / "drawn")["by_hole_area"]) > 1


def test_a_batch_size_changes_nothing_but_rounding(folder, photos):
    save_network(folder / "run")
    for size in (1, 3):
        run("--images", photos, "--model_path", "run", "--batch_size", size, "--save_dir", size)
    one, three = rows_in(folder / "1"), rows_in(folder / "3")
    assert [row["name"] for row in one] == [row["name"] for row in three]
    scores = [[float(row["hole_l1"]) for row in rows] for rows in (one, three)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-3)


def test_the_network_is_scored_as_inpainter_fills(folder, photos):
    save_network(folder / "run")
    run("--images", photos, "--model_path", "run", "--num_images", 1)
    image = read_image(min(photos.iterdir()))[4:36, 8:40]
    mask = np.zeros([32, 32], np.uint8)
    mask[8:24, 8:24] = 1
    expected = measure(Inpainter.from_checkpoint("run")(image, mask * np.uint8(255)), image, mask)
    assert float(rows_in(folder / "output")[0]["hole_l1"]) == pytest.approx(expected["hole_l1"])


def test_an_exported_network_scores_as_the_one_it_was_made_from(folder, photos, exported_run):
    run("--images", photos, "--model_path", *exported_run)
    record = record_in(folder / "output")
    assert record["methods"][0]["sha256"] == record["methods"][1]["sha256"]
    network, exported = record["means"].values()
    assert exported["hole_l1"]["mean"] == pytest.approx(network["hole_l1"]["mean"], rel=1e-4)


def test_unreadable_images_are_named_and_counted(folder, photos):
    images = folder / "images"
    images.mkdir()
    for path in photos.iterdir():
        (images / path.name).write_bytes(path.read_bytes())
    (images / "3.png").write_bytes(b"no image")
    run("--images", images, "--methods", "mean_fill", "--pictures", 0)
    record = record_in(folder / "output")
    assert (record["images"]["asked_for"], record["images"]["scored"]) == (8, 7)
    assert "1 images were left out: '3.png' (not an image" in record["notes"][0]


def test_a_window_that_is_all_hole_is_left_out_and_gives_no_truth_away(folder):
    Path("images").mkdir()
    for name in "ab":
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
        cv2.imwrite(f"images/{name}.png", noise)
    Path("masks").mkdir()
    mask = np.full((64, 64), 255, np.uint8)
    mask[:10] = 0  # outside the centred window
    cv2.imwrite("masks/a.png", mask)
    mask[20:30] = 0
    cv2.imwrite("masks/b.png", mask)
    methods = ("mean_fill", "telea", "navier_stokes", "patchmatch")
    run("--images", "images", "--masks", "masks", "--methods", *methods)
    record = record_in(folder / "output")
    assert (record["images"]["asked_for"], record["images"]["scored"]) == (2, 1)
    assert "'a.png' (the hole covers the whole crop)" in record["notes"][0]
    assert all(scores["psnr"]["mean"] < 30 for scores in record["means"].values())


def test_a_report_never_replaces_the_list_of_its_images(folder, photos, capsys):
    text = "\n".join(str(path) for path in sorted(photos.iterdir()))
    Path("test.txt").write_text(text)
    command = ["test", *SMALL, "--images", "test.txt", "--methods", "mean_fill", "--save_dir", "."]
    assert main(command) == 2
    assert "test.txt is an input" in capsys.readouterr().err
    assert Path("test.txt").read_text() == text


def test_no_method_sees_what_is_in_the_hole(folder, photos, monkeypatch):
    given = []

    def peeping(image, mask):
        given.append((image, mask))
        return image

    monkeypatch.setitem(BASELINES, "peeping", peeping)
    run("--images", photos, "--methods", "peeping")
    assert all((image[mask > 0] == 127).all() for image, mask in given) and given


def test_black_and_perfect_images_are_told(folder):
    Path("images").mkdir()
    cv2.imwrite("images/black.png", np.zeros([32, 32, 3], np.uint8))
    cv2.imwrite("images/half.png", np.repeat(np.uint8([0, 255]), 16)[None, :, None].repeat(32, 0))
    run("--images", "images", "--methods", "mean_fill")
    record = record_in(folder / "output")
    black, _ = rows_in(folder / "output")
    assert black["relative_l1"] == "" and float(black["psnr"]) == 100.0
    assert record["means"]["mean_fill"]["relative_l1"]["count"] == 1
    notes = "\n".join(record["notes"])
    assert "mean_fill equals the truth on 1 images" in notes
    assert "relative_l1 is undefined on 1 images" in notes


def test_learned_metrics_enter_the_report(folder, photos, monkeypatch):
    """With stand-ins for the two networks: a constant, and the mean colour."""
    stand_in = {"Lpips": lambda *_: 0.25, "InceptionFeatures": lambda image: image.mean((0, 1))}
    for name, function in stand_in.items():
        monkeypatch.setattr(
            f"ppdeepfill.evaluation.metrics.learned.{name}", lambda _, f=function: f
        )
    weights = ["--lpips_weights", "a", "--fid_weights", "b", "--pictures", 0]
    run("--images", photos, "--methods", "mean_fill", "telea", *weights)
    record = record_in(folder / "output")
    assert [row["lpips"] for row in rows_in(folder / "output")] == ["0.25"] * 16
    assert record["means"]["telea"]["lpips"] == {"mean": 0.25, "margin": 0.0, "count": 8}
    assert list(record["fid"]) == ["mean_fill", "telea"]
    assert record["fid"]["mean_fill"] > record["fid"]["telea"] > 0
    text = (folder / "output" / "test.txt").read_text(encoding="utf-8")
    assert "\nlpips " in text and "\nfid " in text and "fid of 8 images is biased" in text
    run("--images", photos, "--methods", "telea", "--num_images", 1, *weights)
    assert record_in(folder / "output")["fid"] == {"telea": None}


def test_two_processes_write_what_one_does(folder, photos):
    """Seven images, one of them unreadable: the shares differ in size."""
    images = folder / "images"
    images.mkdir()
    for path in sorted(photos.iterdir())[:7]:
        (images / path.name).write_bytes(path.read_bytes())
    (images / "4.png").write_bytes(b"no image")
    save_network(folder / "run")
    arguments = [*SMALL, "--images", "images", "--model_path", "run", "--methods", "telea"]
    arguments += ["--masks", "free_form", "--save_masks"]
    for name, launcher in (("one", ()), ("two", LAUNCHER)):
        places = [f"{name}_masks", "--save_dir", name]
        command = [sys.executable, *launcher, str(ROOT / "test.py"), *arguments, *places]
        found = subprocess.run(command, capture_output=True, text=True)
        assert found.returncode == 0, found.stdout + found.stderr
    assert (folder / "one/per_image.csv").read_bytes() == (
        folder / "two/per_image.csv"
    ).read_bytes()
    one, two = record_in(folder / "one"), record_in(folder / "two")
    assert (one.pop("processes"), two.pop("processes")) == (1, 2)
    assert one == two
    pages = [(folder / name / "report.html").read_bytes() for name in ("one", "two")]
    assert pages[0] == pages[1]


def test_eval_is_test(folder, photos):
    for script in ("test.py", "eval.py"):
        arguments = [*SMALL, "--images", photos, "--methods", "mean_fill", "--save_dir", script[:4]]
        command = [sys.executable, ROOT / script, *map(str, arguments)]
        found = subprocess.run(command, capture_output=True, text=True)
        assert found.returncode == 0, found.stderr
    assert rows_in(folder / "test") == rows_in(folder / "eval")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--model_path nowhere", "no generator.safetensors at nowhere"),
        ("--model_path bad.safetensors", "bad.safetensors: not a weight file"),
        ("--methods teleea", "unknown method 'teleea'.*mean_fill, telea"),
        ("--methods telea telea", "telea is given twice"),
        ("--methods telea --images nowhere", "no such file or folder"),
        ("--methods telea --images empty", "no image in folder"),
        ("--methods telea --images broken", "none of the 1 images of broken can be used"),
        ("--methods telea --masks nowhere", "neither center, rectangle, free_form nor"),
        ("--methods telea --masks empty", "no image in folder"),
        ("--methods telea --masks one", "images have no mask in one"),
        ("--methods telea --masks small.png", "the mask small.png has 5 x 5 pixels"),
        ("--methods telea --hole_size 300", "hole size must be between 1 and image size"),
        ("--methods telea --image_size 8", "image_size must be 11 .* to 8192"),
        ("--methods telea --image_size 256 25600", "image_size must be 11 .* to 8192"),
        ("--methods telea --image_size 64 64 64", "one number or two"),
        ("--methods telea --image_size 0", "whole number from 1 to .*; got '0'"),
        (f"--methods telea --batch_size {10**30}", "whole number from 1 to 2147483647"),
        ("--methods telea --crop=perhaps", "must be true or false"),
        ("--methods telea --num_images -3", "expected one argument|whole number"),
        ("--methods telea --hole_area 0.3 0.2 --masks free_form", "two increasing numbers"),
        ("--methods telea --hole_area 0.3 2", "between 0 and 1; got '2'"),
        ("--methods telea --seed x", "whole number from 0 to"),
        ("--methods telea --device gpu:7", "device 'gpu:7' cannot be used here"),
        ("--methods telea --config nowhere.yaml", "nowhere.yaml"),
        ("--methods telea --save_dir small.png", "cannot write to small.png: .* not a folder"),
        ("--methods telea --save_dir small.png/x", "cannot write to small.png/x: .* not a folder"),
        ("--methods telea --save_masks small.png/x", "is not a folder; change --save_masks"),
        ("--methods telea --save_masks empty", "empty exists already"),
        ("--methods telea --images twins --save_masks new", "two images are named '1'"),
        ("--methods telea --metods mean_fill", "did you mean --methods"),
        ("--methods telea --lpips_weights nowhere", "nowhere"),
        ("--methods telea --fid_weights small.png", "small.png"),
    ],
)
def test_bad_input_is_explained(folder, capsys, arguments, message):
    for name in ("empty", "broken", "one", "twins"):
        Path(name).mkdir()
    Path("broken/1.png").write_bytes(b"")
    Path("bad.safetensors").write_bytes(b"{}")
    cv2.imwrite("one/1.png", np.full([8, 8], 255, np.uint8))
    cv2.imwrite("small.png", np.full([5, 5], 255, np.uint8))
    for name in ("twins/1.png", "twins/1.bmp"):
        cv2.imwrite(name, np.full([8, 8, 3], 255, np.uint8))
    assert_matches(message, refusal(capsys, *arguments.split()))


def assert_matches(pattern: str, text: str) -> None:
    with pytest.raises(ValueError, match=pattern):
        raise ValueError(text)


def test_a_run_that_fails_leaves_the_earlier_report(folder, photos, monkeypatch):
    settings = ComparisonSettings(
        methods=["mean_fill"], images=str(photos), image_size=(32, 32), hole_size=(8, 8)
    )
    compare(settings)
    before = {path.name: path.read_bytes() for path in Path("output").iterdir()}
    monkeypatch.setattr("ppdeepfill.evaluation.report.render_page", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        compare(settings)
    assert {path.name: path.read_bytes() for path in Path("output").iterdir()} == before


@pytest.mark.parametrize(
    ("flag", "crop"),
    [("--crop", True), ("--crop=True", True), ("--crop=False", False), (None, True)],
)
def test_crop_is_a_boolean_flag_like_all_others(monkeypatch, flag, crop):
    given = []
    monkeypatch.setattr("ppdeepfill.evaluation.compare.compare", given.append)
    assert main(["test", "--methods", "telea", *filter(None, [flag])]) == 0
    assert given[0].crop is crop
