# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The stand-alone script that fills images with an exported network."""

import ast
import importlib.util
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest
from PIL import Image, ImageCms

from ppdeepfill.deployment.exported import ExportedInpainter
from ppdeepfill.deployment.exporting import export_model
from ppdeepfill.errors import ExportError
from ppdeepfill.inference.inpainter import Inpainter

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "python" / "infer.py"


@pytest.fixture(scope="module")
def infer():
    spec = importlib.util.spec_from_file_location("infer", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.fixture(scope="module")
def run(exported_run) -> Path:
    return exported_run[0]


@pytest.fixture(scope="module")
def exported(exported_run) -> Path:
    return exported_run[1]


@pytest.fixture
def folders(tmp_path, rng, monkeypatch) -> Path:
    """images/ and masks/ with a, b of one size, c of another; the current folder is theirs."""
    monkeypatch.chdir(tmp_path)
    for folder in ("images", "masks"):
        Path(folder).mkdir()
    for name, (height, width) in {"a": (24, 30), "b": (24, 30), "c \u00fc": (17, 20)}.items():
        mask = np.zeros((height, width), np.uint8)
        mask[5:12, 6:15] = 255
        write(Path(f"images/{name}.png"), rng.integers(0, 256, (height, width, 3), np.uint8))
        write(Path(f"masks/{name}.png"), mask)
    return tmp_path


def write(path: Path, pixels: np.ndarray) -> None:
    """As `cv2.imwrite`, under any name and on any system."""
    path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())


def read(path: Path, flags: int = cv2.IMREAD_COLOR) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), flags)


def arguments(exported: Path, image="images", mask="masks", *more: str) -> list[str]:
    return ["--config", str(exported), "--image_path", image, "--mask_path", mask, *more]


def check(run: Path, name: str, result: Path) -> None:
    """Equal to the inpainter but for rounding, and known pixels to the bit."""
    image = read(Path(f"images/{name}.png"))
    mask = read(Path(f"masks/{name}.png"), cv2.IMREAD_GRAYSCALE)
    expected = Inpainter.from_checkpoint(run)(image[..., ::-1], mask)[..., ::-1]
    difference = np.abs(read(result / f"{name}.png").astype(int) - expected)
    assert difference.max() <= 1 and (difference > 0).mean() < 1e-3
    assert (difference[mask == 0] == 0).all()


@pytest.mark.parametrize("mkldnn", [True, False])
@pytest.mark.parametrize("batch_size", [1, 8])
def test_folders_are_paired_by_name(infer, run, exported, folders, mkldnn, batch_size):
    more = [f"--enable_mkldnn={mkldnn}", f"--batch_size={batch_size}", "--cpu_threads=1"]
    assert infer(arguments(exported, "images", "masks", *more)) == 0
    results = folders / "output" / "result"
    assert sorted(p.name for p in results.iterdir()) == ["a.png", "b.png", "c \u00fc.png"]
    for path in results.iterdir():
        check(run, path.stem, results)


def test_onnx_gives_the_same(infer, run, folders):
    for package in ("onnx", "onnxruntime", "paddle2onnx"):
        pytest.importorskip(package, reason="the extra onnx is not installed")
    exported = export_model(run, folders / "onnx", onnx=True).parent
    assert infer(arguments(exported, "images", "masks", "--backend=onnx")) == 0
    for name in ("a", "c \u00fc"):
        check(run, name, folders / "output" / "result")


def test_images_too_large_for_a_whole_attention_are_refused(infer, monkeypatch):
    script = infer.__globals__
    check_memory = script["check_memory"]
    monkeypatch.setitem(script, "available_memory", lambda: 10 << 30)
    check_memory(Path("a.png"), 480, 640, 24 / 8**4)
    check_memory(Path("a.png"), 1080, 1920, 0.0)  # works in strips
    with pytest.raises(script["UserError"], match=r"a.png is 1920 x 1080.* 23\.5 GiB .*10\.0 GiB"):
        check_memory(Path("a.png"), 1080, 1920, 24 / 8**4)


def test_one_mask_for_all_and_an_image_of_another_size(infer, exported, folders, capsys):
    assert infer(arguments(exported, "images", "masks/a.png", "--save_dir=out")) == 2
    error = capsys.readouterr().err
    assert "c \u00fc.png is 20 x 17 pixels, but its mask masks/a.png is 30 x 24" in error.replace(
        "\\", "/"
    )
    assert sorted(p.name for p in Path("out").iterdir()) == ["a.png", "b.png"]


def test_works_alone_in_another_folder(run, exported, folders):
    (folders / "alone.py").write_bytes(SCRIPT.read_bytes())
    program = (
        "import sys, runpy\n"
        "try: runpy.run_path('alone.py', run_name='__main__')\n"
        "finally: assert not [m for m in sys.modules if m.startswith(('ppdeepfill', 'yaml'))]"
    )
    flags = arguments(exported / "deploy.yaml", "images/a.png", "masks/a.png", "--benchmark")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", program, *flags], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    for key in (
        "runtime_device: cpu",
        "enable_mkldnn: True",
        "data_num: 1",
        "inference_time(ms): ",
    ):
        assert key in done.stdout
    check(run, "a", folders / "output" / "result")


def test_imports_what_the_description_says():
    tree = ast.walk(ast.parse(SCRIPT.read_text(encoding="utf-8")))
    imported = {a.name.split(".")[0] for n in tree if isinstance(n, ast.Import) for a in n.names}
    tree = ast.walk(ast.parse(SCRIPT.read_text(encoding="utf-8")))
    imported |= {n.module.split(".")[0] for n in tree if isinstance(n, ast.ImportFrom)}
    assert imported - sys.stdlib_module_names == {
        "PIL",
        "numpy",
        "onnxruntime",
        "paddle",
        "simplejpeg",
    }


def damage_nothing(): ...


@pytest.mark.parametrize(
    ("damage", "changes", "words"),
    [
        (damage_nothing, {"--config": "missing"}, "missing is missing"),
        (damage_nothing, {"--config": "images/a.png"}, "is not a deploy.yaml"),
        (damage_nothing, {"--image_path": "missing.png"}, "missing.png does not exist"),
        (damage_nothing, {"--mask_path": "missing.png"}, "missing.png does not exist"),
        (damage_nothing, {"--save_dir": "images"}, "would be overwritten"),
        (damage_nothing, {"--save_dir": "images/a.png"}, "images/a.png: it is not a folder"),
        (
            lambda: write(Path("masks/a.png"), np.full((24, 30), 255)),
            {},
            "covers the whole image",
        ),
        (damage_nothing, {"--device": "gpu"}, "finds no GPU"),
        (lambda: Path("masks/a.png").unlink(), {}, "no mask named like a.png"),
        (lambda: Path("images/a.jpg").write_text("x"), {}, "would have the same result name"),
        (lambda: Path("images/a.png").write_text("text"), {}, "a.png: not an image, or damaged"),
        (lambda: Path("images/a.png").write_bytes(b""), {}, "a.png: the file is empty"),
        (lambda: cut(Path("images/a.png")), {}, "a.png: the file is cut off"),
        (lambda: cut(as_jpeg(Path("images/a.png"))), {}, "a.jpg: the file is cut off"),
    ],
)
def test_errors_exit_2_with_a_message(infer, exported, folders, capsys, damage, changes, words):
    if changes.get("--device") == "gpu" and paddle.is_compiled_with_cuda():
        pytest.skip("this Paddle may find a GPU")
    damage()
    flags = [word for flag in changes.items() for word in flag]
    assert infer(arguments(exported, "images", "masks", *flags)) == 2
    error = capsys.readouterr().err.replace("\\", "/")
    assert error.startswith("infer.py: error: ") and words in error
    assert not list(folders.rglob(".partial*")) and not Path("output/result/a.png").exists()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def as_jpeg(path: Path) -> Path:
    write(path.with_suffix(".jpg"), read(path))
    path.unlink()
    return path.with_suffix(".jpg")


def test_without_a_usable_image_no_folder_is_made(infer, exported, folders):
    Path("text.png").write_text("text")
    assert infer(arguments(exported, "text.png", "masks/a.png")) == 2
    assert not Path("output").exists()


def test_alpha_profile_and_grey_stay_and_what_does_not_is_said(infer, exported, folders, capsys):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.open("images/a.png")
    image.putalpha(77)
    image.save("layer.png", icc_profile=profile)
    Image.open("images/a.png").convert("L").save("grey.jpg", exif=Image.Exif())
    tags = Image.Exif()
    tags[271] = "Maker"
    image.convert("RGB").save("tagged.jpg", exif=tags)
    write(Path("deep.png"), np.full((24, 30, 3), 4000, np.uint16))
    said = {}
    for name in ("layer.png", "grey.jpg", "tagged.jpg", "deep.png"):
        assert infer(arguments(exported, name, "masks/a.png", "--save_dir=out")) == 0
        said[name] = capsys.readouterr().err
    with Image.open("out/layer.png") as result:
        assert result.mode == "RGBA" and result.info["icc_profile"] == profile
        assert (np.asarray(result)[..., 3] == 77).all()
    assert Image.open("out/grey.png").mode == "L"
    assert said == {
        "layer.png": "",
        "grey.jpg": "",
        "tagged.jpg": "infer.py: tagged.jpg: its EXIF and XMP are left out\n",
        "deep.png": "infer.py: deep.png: its 16 bits per channel become 8\n",
    }


def test_names_in_two_unicode_forms_and_other_endings_are_paired(infer, exported, folders, capsys):
    place = folders / "mac"
    for folder, form in (("images", "NFC"), ("masks", "NFD")):
        (place / folder / "folder.png").mkdir(parents=True)
        name = unicodedata.normalize(form, "Café 한글")
        (place / folder / f"{name}.png").write_bytes(Path(f"{folder}/a.png").read_bytes())
    Image.open("images/b.png").convert("P").save(place / "images" / "b.gif")
    (place / "masks" / "b_mask.png").write_bytes(Path("masks/b.png").read_bytes())
    (place / "images" / "notes.txt").write_text("")
    paths = str(place / "images"), str(place / "masks")
    assert infer(arguments(exported, *paths, "--save_dir=out")) == 0
    assert sorted(path.suffix for path in Path("out").iterdir()) == [".png", ".png"]
    assert "skipped 1 other files (1 .txt)" in capsys.readouterr().err


def test_an_input_under_another_name_is_never_replaced(infer, exported, folders, capsys):
    Path("out").mkdir()
    os.link("images/a.png", "out/a.png")
    before = Path("images/a.png").read_bytes()
    assert infer(arguments(exported, "images", "masks", "--save_dir=out")) == 2
    assert "is an input" in capsys.readouterr().err
    assert Path("images/a.png").read_bytes() == before


def without_checksums(description: str) -> str:
    """As older versions wrote it."""
    return "".join(line for line in description.splitlines(True) if "sha256" not in line)


def test_altered_weights_are_refused_before_anything_is_written(infer, exported, folders, capsys):
    for file in exported.iterdir():
        Path(file.name).write_bytes(file.read_bytes())
    weights = bytearray(Path("model.pdiparams").read_bytes())
    weights[2000:2400] = bytes(400)
    Path("model.pdiparams").write_bytes(weights)
    assert infer(arguments(folders)) == 2
    assert "its checksum differs from the one in deploy.yaml" in capsys.readouterr().err
    with pytest.raises(ExportError, match="checksum"):
        ExportedInpainter(folders)
    assert not Path("output").exists()


def test_a_photo_without_a_mask_is_left_out(infer, exported, folders, capsys):
    Path("masks/b.png").unlink()
    assert infer(arguments(exported)) == 2
    said = capsys.readouterr()
    assert "no mask named like b.png" in said.err and "2 of 3 images written" in said.out


def test_the_threads_are_those_of_omp_num_threads(infer, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert parsed(infer).cpu_threads == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert parsed(infer).cpu_threads == os.cpu_count()


def parsed(infer):
    flags = ["--config=x", "--image_path=x", "--mask_path=x"]
    return infer.__globals__["parse"](flags)


@pytest.mark.parametrize("batch", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_fixed_batch_of_the_graph_is_followed(infer, run, folders, batch):
    exported = export_model(run, folders / "fixed", input_shape=(batch, 3, 24, 30)).parent
    for name in ("c \u00fc",):
        for folder in ("images", "masks"):
            Path(f"{folder}/{name}.png").write_bytes(Path(f"{folder}/a.png").read_bytes())
    assert infer(arguments(exported, "images", "masks", "--batch_size=3")) == 0
    for name in ("a", "b", "c \u00fc"):
        check(run, name, folders / "output" / "result")


@pytest.mark.parametrize("name", ["model.json", "model.pdmodel", "model.pdiparams"])
def test_a_damaged_network_exits_2_with_a_message(infer, exported, folders, capsys, name):
    if not (exported / name).is_file():
        pytest.skip("the other version of PaddlePaddle writes this file")
    for file in exported.iterdir():
        Path(file.name).write_bytes(file.read_bytes()[: 1000 if file.name == name else None])
    assert infer(arguments(folders)) == 2
    assert f"{name} is not the exported file" in capsys.readouterr().err
    Path("deploy.yaml").write_text(without_checksums(Path("deploy.yaml").read_text()))
    assert infer(arguments(folders)) == 2
    assert "cannot load" in capsys.readouterr().err
    Path(name).unlink()
    assert infer(arguments(folders)) == 2
    assert f"no file {name}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags",
    [
        ["--batch_size=0"],
        [f"--cpu_threads={10**20}"],
        ["--benchmark=maybe"],
        ["--use_trt"],
        ["--precision=fp16"],
    ],
)
def test_impossible_flags_exit_2(infer, exported, folders, flags):
    with pytest.raises(SystemExit) as end:
        infer(arguments(exported, "images", "masks", *flags))
    assert end.value.code == 2
