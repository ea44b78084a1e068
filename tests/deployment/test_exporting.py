# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Exporting a network, and using what was exported."""

import hashlib
import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import paddle
import pytest
import yaml
from small_run import SMALL_NETWORKS, save_small_network

from ppdeepfill.cli import main
from ppdeepfill.deployment import exporting, onnx_conversion
from ppdeepfill.deployment.exported import ExportedInpainter, paddle_graph, read_description
from ppdeepfill.deployment.exporting import export_model
from ppdeepfill.deployment.inference_model import InferenceModel
from ppdeepfill.errors import ExportError
from ppdeepfill.inference.inpainter import Inpainter
from ppdeepfill.networks import NETWORKS, build_network
from ppdeepfill.networks.attention.choice import ATTENTIONS
from ppdeepfill.training.state import layer_arrays
from ppdeepfill.weights.checkpoint import save_best
from ppdeepfill.weights.finding import load_generator
from ppdeepfill.weights.generator_file import Generator

SIZES = [(64, 64), (37, 45), (3, 50), (8, 8), (1, 1)]


@pytest.fixture(scope="module", params=list(NETWORKS))
def run(request, tmp_path_factory, exported_run) -> Path:
    """The output_dir of a small network."""
    if request.param == "deepfill_v1":
        return exported_run[0]
    paddle.seed(0)
    return save_small_network(tmp_path_factory.mktemp(request.param) / "run", request.param)


@pytest.fixture(scope="module")
def exported(run, exported_run) -> Path:
    if run == exported_run[0]:
        return exported_run[1]
    return export_model(run, run.parent / "exported").parent


@pytest.fixture(scope="module")
def filling(exported) -> ExportedInpainter:
    return ExportedInpainter(exported)


@pytest.fixture(scope="module")
def graphs(exported):
    """The exported graph, without oneDNN and with it."""
    description = read_description(exported)
    return [paddle_graph(exported, description, onednn=onednn) for onednn in (False, True)]


def random_pair(rng, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    mask = np.zeros((height, width), np.uint8)
    mask[height // 3 : height // 2 + 1, width // 2 :] = 255
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8), mask


def assert_same_picture(one, other):
    """Equal but for values on the border between two levels: sums run in another order."""
    difference = np.abs(one.astype(int) - other)
    assert one.shape == other.shape and one.dtype == other.dtype == np.uint8
    assert difference.max() <= 1 and (difference > 0).mean() < 1e-3


@pytest.mark.parametrize("size", SIZES)
def test_exported_equals_the_inpainter_and_keeps_known_pixels(run, filling, rng, size):
    image, mask = random_pair(rng, *size)
    completed = filling(image, mask)
    assert_same_picture(completed, Inpainter.from_checkpoint(run)(image, mask))
    assert (completed[mask == 0] == image[mask == 0]).all()


@pytest.mark.parametrize("size", SIZES)
def test_onednn_agrees_with_the_other_kernels(graphs, rng, size):
    image, mask = random_pair(rng, *size)
    inputs = image.transpose(2, 0, 1)[None].astype(np.float32), mask[None, None] / np.float32(255)
    plain, onednn = (graph(*inputs) for graph in graphs)
    np.testing.assert_allclose(onednn, plain, rtol=0, atol=0.01)  # of 255


def test_batch_equals_singles(filling, rng):
    images, masks = (
        np.stack(x) for x in zip(*(random_pair(rng, 40, 30) for _ in range(3)), strict=True)
    )
    masks[1] = masks[1].T.reshape(40, 30)
    together = filling.fill_batch(images, masks)
    alone = np.stack([filling(image, mask) for image, mask in zip(images, masks, strict=True)])
    assert_same_picture(together, alone)


@pytest.mark.parametrize(
    "holes",
    [[(0, 0, 4, 6)], [(60, 90, 64, 96)], [(30, 40, 33, 41), (2, 80, 50, 96)], []],
    ids=["first corner", "last corner", "several", "one image without"],
)
def test_wherever_the_holes_are_the_graph_fills_them(run, graphs, rng, holes):
    image = rng.integers(0, 256, (2, 3, 64, 96)).astype(np.float32)
    mask = np.zeros((2, 1, 64, 96), np.float32)
    mask[1, :, 20:25, 8:30] = 1.0
    for top, left, bottom, right in holes:
        mask[0, :, top:bottom, left:right] = 1.0
    inpainter = Inpainter.from_checkpoint(run)
    pixels = (x.astype(np.uint8) for x in (image.transpose(0, 2, 3, 1), 255 * mask[:, 0]))
    expected = inpainter.fill_batch(*pixels).transpose(0, 3, 1, 2)
    for graph in graphs:
        np.testing.assert_allclose(graph(image, mask), expected, rtol=0, atol=0.51)


def test_a_full_and_an_empty_hole(run, filling, rng):
    image, _ = random_pair(rng, 24, 24)
    full, empty = np.full((24, 24), 255, np.uint8), np.zeros((24, 24), np.uint8)
    assert_same_picture(filling(image, full), Inpainter.from_checkpoint(run)(image, full))
    assert (filling(image, empty) == image).all()


def test_the_graph_sees_nothing_of_the_hole(run, rng):
    model = InferenceModel(load_generator(run))
    image = rng.integers(0, 256, (2, 1, 3, 20, 20)).astype(np.float32)
    mask = np.zeros((1, 1, 20, 20), np.float32)
    mask[..., 4:12, 6:] = 1.0
    image[1] = image[0] * (1 - mask) + image[1] * mask
    one, other = (model(paddle.to_tensor(x), paddle.to_tensor(mask)).numpy() for x in image)
    np.testing.assert_array_equal(one, other)


def test_deploy_yaml_is_yaml_and_names_what_is_there(run, exported):
    text = (exported / "deploy.yaml").read_text(encoding="utf-8")
    description = yaml.safe_load(text)["Deploy"]
    assert description == read_description(exported)
    files = {description[key] for key in ("model", "params")} | {"deploy.yaml"}
    assert files == {path.name for path in exported.iterdir()}
    assert description["options"] == SMALL_NETWORKS[description["network"]]
    weights = (run / "best_model" / "generator.safetensors").read_bytes()
    assert description["generator_sha256"] == hashlib.sha256(weights).hexdigest()


def test_the_graph_has_no_operator_that_paddle2onnx_lacks(exported):
    """Paddle makes this one of a number divided by a tensor."""
    assert "full_batch_size_like" not in (exported / "model.json").read_text()


@pytest.fixture
def one_run(exported_run) -> Path:
    return exported_run[0]


@pytest.fixture
def traced_before(exported_run, monkeypatch):
    """Exports of `one_run` take the graph of an earlier one: tracing it takes seconds."""
    _, exported = exported_run
    files = {key: read_description(exported)[key] for key in ("model", "params", "onnx")}

    def copy_files(network, folder, *_, **__):
        for name in (files["model"], files["params"]):
            shutil.copy(exported / name, folder)
        return dict(files)

    monkeypatch.setattr(exporting, "write_files", copy_files)


def test_a_fixed_shape_takes_that_shape_only(one_run, tmp_path, rng):
    shape = (1, 3, 20, 28)
    export_model(one_run, tmp_path / "fixed", input_shape=shape)
    inpainter = ExportedInpainter(tmp_path / "fixed")
    pair = random_pair(rng, 20, 28)
    assert_same_picture(inpainter(*pair), Inpainter.from_checkpoint(one_run)(*pair))
    with pytest.raises(ExportError, match=r"\[1, 3, 20, 28\].*got \[1, 3, 28, 20\]"):
        inpainter(*random_pair(rng, 28, 20))


def test_a_graph_of_the_whole_picture_has_no_sizes_that_depend_on_holes(one_run, tmp_path, rng):
    graphs = {}
    for whole in (False, True):
        folder = tmp_path / str(whole)
        export_model(one_run, folder, input_shape=(1, 3, 64, 64), whole=whole)
        assert read_description(folder)["whole"] is whole
        graphs[whole] = (folder / "model.json").read_text()
    pair = random_pair(rng, 64, 64)
    expected = Inpainter.from_checkpoint(one_run)(*pair)
    assert_same_picture(ExportedInpainter(tmp_path / "True")(*pair), expected)
    assert "max" in _operators(graphs[False]) and "max" not in _operators(graphs[True])


def _operators(graph: str) -> set[str]:
    return set(re.findall(r'"#": ?"1\.(\w+)"', graph))


@pytest.mark.parametrize(
    "attention_bytes",
    [
        pytest.param(1, id="always", marks=pytest.mark.slow),
        pytest.param(400_000, id="above a size"),
    ],
)
def test_a_loop_over_the_attention_gives_the_same_pictures(
    one_run, tmp_path, monkeypatch, rng, attention_bytes
):
    monkeypatch.setattr(exporting, "ATTENTION_BYTES", attention_bytes)
    export_model(one_run, tmp_path / "free")
    free = ExportedInpainter(tmp_path / "free")
    inpainter = Inpainter.from_checkpoint(one_run)
    for size in [*SIZES, (96, 40)]:
        image, mask = random_pair(rng, *size)
        assert_same_picture(free(image, mask), inpainter(image, mask))


@pytest.mark.parametrize("onnx", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_graph_of_fixed_shape_may_work_in_parts(onnx, one_run, tmp_path, monkeypatch, rng):
    if onnx:  # it has no loop, but one part after another
        pytest.importorskip("paddle2onnx")
    monkeypatch.setattr(exporting, "ATTENTION_BYTES", 1)
    export_model(one_run, tmp_path / "fixed", input_shape=(2, 3, 40, 28), onnx=onnx)
    pair = random_pair(rng, 40, 28)
    expected = Inpainter.from_checkpoint(one_run)(*pair)
    assert_same_picture(ExportedInpainter(tmp_path / "fixed")(*pair), expected)


def other_picture(*_, **__):
    return lambda image, mask: image + 1.0


def no_number(*_, **__):
    return lambda image, mask: image * np.nan


def interrupted(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("graph", "error", "before"),
    [
        (other_picture, ExportError, []),
        (no_number, ExportError, ["deploy.yaml"]),
        (interrupted, KeyboardInterrupt, ["deploy.yaml"]),
    ],
)
def test_what_fails_leaves_no_file(
    one_run, traced_before, tmp_path, monkeypatch, graph, error, before
):
    monkeypatch.setattr(exporting, "paddle_graph", graph)
    folder = tmp_path / "folder"
    for name in before:
        folder.mkdir()
        (folder / name).write_text("of an earlier export")
    with pytest.raises(error):
        export_model(one_run, folder)
    left = list(tmp_path.rglob("*"))
    assert [path.name for path in left if path.is_file()] == before
    assert folder.is_dir() == bool(before)
    assert all(path.read_text() == "of an earlier export" for path in left if path.is_file())


def test_a_second_export_replaces_the_first_and_nothing_else(one_run, traced_before, tmp_path):
    for name in ("model.onnx", "notes.txt"):
        (tmp_path / name).write_text("older")
    assert export_model(one_run, tmp_path) == tmp_path / "deploy.yaml"
    assert (tmp_path / "notes.txt").read_text() == "older"
    assert not (tmp_path / "model.onnx").exists()
    assert len(list(tmp_path.iterdir())) == 4


def test_command_exports_the_newest_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_small_network(Path("output/mine"))
    assert main(["export", "--onnx=False"]) == 0
    assert "agrees with the network" in capsys.readouterr().out
    assert read_description(Path("output/inference_model"))["network"] == "deepfill_v1"
    assert (Path("output/mine/best_model/generator.safetensors")).is_file()


def test_command_takes_a_configuration_for_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = []
    monkeypatch.setattr(exporting, "export_model", lambda *paths, **_: asked.append(paths))
    config = Path(__file__).parents[2] / "configs" / "quickstart.yaml"
    assert main(["export", "--config", str(config), "--save_dir=out"]) == 0
    assert asked == [("output/quickstart", Path("out"))]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model_path", "missing"], "no generator.safetensors at missing"),
        (["--model_path", "text.safetensors"], "not a weight file"),
        (["--config", "missing.yaml"], "no configuration file"),
        (["--input_shape", "1", "1", "64", "64"], "the input shape must be B 3 H W"),
        (["--input_shape", "1", "3", "64", "9999999"], "the input shape must be B 3 H W"),
        (["--input_shape", "1", "3", "0", "64"], "the input shape must be B 3 H W"),
        (["--device", "abacus"], "device 'abacus' cannot be used"),
        (["--save_dir", "text.safetensors/sub"], "cannot write to text.safetensors/sub"),
        (["--save_dir", "text.safetensors"], "cannot write to text.safetensors"),
        (["--save_dir", "x" * 300], "cannot write xxx"),
        (["--onnx"], "pip install onnx paddle2onnx onnxruntime"),
    ],
)
def test_errors_exit_2_with_a_message_and_write_nothing(
    one_run, tmp_path, monkeypatch, capsys, arguments, words
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(onnx_conversion, "find_spec", lambda name: None)
    monkeypatch.setattr(onnx_conversion, "NO_PADDLE2ONNX", (4,))
    Path("text.safetensors").write_text("text")
    if not {"--model_path", "--config"} & set(arguments) and arguments:
        arguments = [*arguments, "--model_path", str(one_run)]
    assert main(["export", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["text.safetensors"]


def test_a_python_without_paddle2onnx_is_named(one_run, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_conversion, "NO_PADDLE2ONNX", (3, 10))
    with pytest.raises(ExportError, match=r"no release for Python 3\.13"):
        export_model(one_run, tmp_path / "exported", onnx=True)
    assert not (tmp_path / "exported").exists()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "deploy.yaml").unlink(), "deploy.yaml is missing"),
        (lambda folder: (folder / "deploy.yaml").write_text("  no pair"), "cannot be read"),
        (lambda folder: (folder / "model.pdiparams").unlink(), "model.pdiparams is missing"),
        (lambda folder: None, "is damaged, perhaps cut short"),
    ],
)
def test_an_incomplete_folder_is_refused(tmp_path, damage, words):
    (tmp_path / "deploy.yaml").write_text('  model: "model.json"\n  params: "model.pdiparams"\n')
    for name in ("model.json", "model.pdiparams"):
        (tmp_path / name).write_text("")
    damage(tmp_path)
    with pytest.raises(ExportError, match=words):
        ExportedInpainter(tmp_path)


def test_without_an_onnx_file_the_flag_is_named(exported):
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    with pytest.raises(ExportError, match="--onnx"):
        ExportedInpainter(exported, backend="onnx")


class _FailingSession:
    """A graph that ONNX Runtime opens and cannot compute, as of a wrong conversion."""

    def __init__(self, *_, **__): ...

    def run(self, *_):
        raise RuntimeError("'repeat' input tensor must have the same length")


def test_a_graph_that_onnx_runtime_cannot_compute_is_explained(exported, rng, monkeypatch):
    fake = SimpleNamespace(SessionOptions=SimpleNamespace, InferenceSession=_FailingSession)
    monkeypatch.setitem(sys.modules, "onnxruntime", fake)
    monkeypatch.setattr("ppdeepfill.deployment.exported._verified_file", lambda *_: Path("m.onnx"))
    with pytest.raises(ExportError, match=r"cannot compute m\.onnx: 'repeat' input"):
        ExportedInpainter(exported, backend="onnx")(*random_pair(rng, 16, 16))


@pytest.mark.parametrize("size", SIZES)
def test_onnx_equals_the_inpainter(run, onnx_folder, rng, size):
    image, mask = random_pair(rng, *size)
    completed = ExportedInpainter(onnx_folder, backend="onnx")(image, mask)
    assert_same_picture(completed, Inpainter.from_checkpoint(run)(image, mask))
    assert (completed[mask == 0] == image[mask == 0]).all()


def test_onnx_names_its_free_axes(onnx_folder):
    session = pytest.importorskip("onnxruntime").InferenceSession(onnx_folder / "model.onnx")
    inputs = {value.name: value.shape for value in session.get_inputs()}
    free = ["batch", "height", "width"]
    assert inputs == {n: [free[0], c, *free[1:]] for n, c in (("image", 3), ("mask", 1))}


@pytest.fixture(scope="module")
def onnx_folder(run) -> Path:
    for package in ("onnx", "onnxruntime", "paddle2onnx"):
        pytest.importorskip(package, reason="the extra onnx is not installed")
    return export_model(run, run.parent / "onnx", onnx=True).parent


@pytest.mark.slow
@pytest.mark.parametrize("attention", [name for name in ATTENTIONS if name != "contextual"])
def test_every_attention_exports(tmp_path, attention):
    """`export_model` compares what it writes with the network."""
    options = {"base_channels": 4, "attention": attention}
    network = build_network("deepfill_v1", **options)
    for name, weight in network.named_parameters():
        if name.endswith(("to_flow.weight", "to_map.weight")):
            weight.set_value(300.0 * weight)  # look far away
    save_best(tmp_path, Generator("deepfill_v1", options, 1, layer_arrays(network)))
    onnx = all(map(find_spec, ("onnx", "onnxruntime", "paddle2onnx")))
    assert export_model(tmp_path, tmp_path / "exported", onnx=onnx).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL_NETWORKS)
def test_every_network_exports(tmp_path, name):
    """`export_model` compares what it writes with the network; to ONNX as well if that is there."""
    options = SMALL_NETWORKS[name]
    network = build_network(name, **options)
    save_best(tmp_path, Generator(name, options, 1, layer_arrays(network)))
    onnx = all(map(find_spec, ("onnx", "onnxruntime", "paddle2onnx")))
    assert export_model(tmp_path, tmp_path / "exported", onnx=onnx).is_file()
    assert (tmp_path / "exported" / "model.onnx").exists() == onnx
    table = (Path(__file__).resolve().parents[2] / "docs/deployment.md").read_text("utf-8")
    assert f"| `{name}` |" in table
