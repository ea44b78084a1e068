# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Rules that hold for the repository as a whole."""

import ast
import pickle
import re
import runpy
import shlex
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from partial_recipes import under_their_names
from weight_files.bundles import write_bundle

from ppdeepfill.alignment import recipes
from ppdeepfill.app import server
from ppdeepfill.cli import main
from ppdeepfill.config import load_config
from ppdeepfill.deployment import exporting
from ppdeepfill.evaluation import compare as comparison
from ppdeepfill.evaluation import settings as comparison_settings
from ppdeepfill.inference import predict
from ppdeepfill.networks import build_network
from ppdeepfill.training import trainer
from ppdeepfill.training.state import layer_arrays
from ppdeepfill.weights.checkpoint import save_best
from ppdeepfill.weights.converters.deepfill_v1 import generator_names
from ppdeepfill.weights.converters.methods import METHODS
from ppdeepfill.weights.generator_file import Generator

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "ppdeepfill"
FOLDERS = [PACKAGE] + [
    ROOT / name for name in ("tests", "deploy", "benchmarks", "release", "test_tipc")
]
PYTHON_FILES = sorted(
    [*ROOT.glob("*.py"), *(p for folder in FOLDERS for p in folder.rglob("*.py"))]
)
SHELL_FILES = sorted([*(ROOT / "scripts").glob("*.sh"), *(ROOT / "test_tipc").glob("*.sh")])
CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))
GUIDES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "test_tipc/README.md"])

HEADER = "# Copyright (c) 2026 ppdeepfill contributors.\n# SPDX-License-Identifier: Apache-2.0\n"
NAMELESS = {"utils", "util", "misc", "common", "base", "helpers", "net", "tools"}

# What each room, and each module at the root, may import of the package besides itself. A room may
# import only rooms above it in this table, so there is no circle between rooms.
ROOMS = {
    "errors": set(),
    "terminal": set(),
    "versions": {"__init__"},
    "atomic_write": {"errors"},
    "parallel": {"errors"},
    "networks": set(),
    "weight_files": {"errors"},
    "weights": {"errors", "atomic_write", "networks", "weight_files"},
    "data": {"errors", "terminal"},
    "objectives": {"networks", "weights", "data"},
    "config": {"errors", "networks", "objectives"},
    "reproduction": {"errors", "terminal", "networks", "weights", "data", "config"},
    "drawing": {"errors", "atomic_write", "networks", "data"},
    "photos": {"errors", "atomic_write", "data"},
    "segmentation": {"errors", "weight_files", "weights", "config", "photos"},
    "inference": {
        "errors",
        "parallel",
        "terminal",
        "networks",
        "weights",
        "data",
        "drawing",
        "photos",
        "segmentation",
    },
    "deployment": {
        "__init__",
        "errors",
        "terminal",
        "atomic_write",
        "parallel",
        "networks",
        "weights",
        "data",
        "inference",
    },
    "evaluation": {
        "errors",
        "terminal",
        "versions",
        "atomic_write",
        "parallel",
        "networks",
        "weights",
        "data",
        "config",
        "drawing",
        "inference",
        "deployment",
    },
    "alignment": {
        "errors",
        "terminal",
        "atomic_write",
        "networks",
        "weights",
        "data",
        "objectives",
        "inference",
        "evaluation",
    },
    "training": {
        "__init__",
        "errors",
        "terminal",
        "versions",
        "atomic_write",
        "parallel",
        "networks",
        "weights",
        "data",
        "objectives",
        "config",
        "drawing",
        "inference",
        "evaluation",
    },
    "aistudio": {"reproduction"},
    "doctor": {"__init__", "errors", "atomic_write", "weights", "data", "reproduction"},
    "serving": {
        "errors",
        "versions",
        "parallel",
        "weights",
        "photos",
        "inference",
        "deployment",
    },
    "app": {
        "errors",
        "parallel",
        "weights",
        "data",
        "drawing",
        "photos",
        "segmentation",
        "inference",
        "serving",
    },
    "ablation": {
        "errors",
        "atomic_write",
        "parallel",
        "weights",
        "data",
        "config",
        "drawing",
        "evaluation",
        "training",
    },
    "verbs": {
        "errors",
        "doctor",
        "parallel",
        "app",
        "segmentation",
        "weights",
        "config",
        "drawing",
        "photos",
        "inference",
        "deployment",
        "evaluation",
        "alignment",
        "training",
        "ablation",
        "data",
        "reproduction",
        "serving",
    },
    "cli": {"__init__", "errors", "terminal", "verbs"},
}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def _imports(path: Path) -> Iterator[str]:
    """Dotted names that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, path)
            for alias in node.names:
                submodule = f"{module}.{alias.name}"
                yield submodule if submodule in MODULES else module


def _absolute(node: ast.ImportFrom, path: Path) -> str:
    """The module that an import names, dots at its beginning resolved."""
    start = path.relative_to(ROOT).parts[: -node.level] if node.level else ()
    return ".".join([*start, *filter(None, [node.module])])


MODULES = {_name(path): path for path in PACKAGE.rglob("*.py")}
IMPORTS = {
    module: {name for name in _imports(path) if name in MODULES} for module, path in MODULES.items()
}


def _room(module: str) -> str:
    """The room of a module; "__init__" for the package itself, which holds names only."""
    return (module.split(".") + ["__init__"])[1]


def test_imports_never_go_in_a_circle():
    TopologicalSorter(IMPORTS).prepare()


def test_every_room_has_its_rules():
    rooms = {_room(module) for module in MODULES} - {"__init__"}
    assert rooms == set(ROOMS)
    order = list(ROOMS)
    for room, allowed in ROOMS.items():
        assert all(order.index(below) < order.index(room) for below in allowed - {"__init__"}), room


def test_the_root_of_the_package_stays_clear():
    assert len(list(PACKAGE.glob("*.py"))) <= 6


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room):
    imported = {
        _room(name) for module in IMPORTS if _room(module) == room for name in IMPORTS[module]
    }
    assert imported <= ROOMS[room] | {room}


KERNELS = "ppdeepfill.networks.kernels"
USERS_OF_KERNELS = {"deployment", "drawing", "inference", "objectives", "reproduction", "training"}


def test_kernels_are_used_by_networks_and_a_few_others_by_their_front():
    for module, imported in IMPORTS.items():
        kernels = {name for name in imported if f"{name}.".startswith(f"{KERNELS}.")}
        if kernels and not module.startswith(KERNELS):
            assert kernels == {KERNELS}, module
            assert _room(module) in USERS_OF_KERNELS | {"networks"}, module


SPEED_AND_MEMORY = re.compile(r"compil|eager|onednn|\bbands?\b|window|memory|\bbytes\b", re.I)


@pytest.mark.parametrize(
    "path",
    [p for p in (PACKAGE / "networks").rglob("*.py") if "kernels" not in p.parts],
    ids=lambda path: path.stem,
)
def test_networks_speak_of_speed_and_memory_in_kernels_alone(path):
    assert not SPEED_AND_MEMORY.findall(path.read_text(encoding="utf-8"))


def test_contextual_attention_can_be_copied_as_one_file():
    imported = {
        name.split(".")[0] for name in _imports(PACKAGE / "networks/attention/contextual.py")
    }
    assert imported == {"paddle", "typing"}


@pytest.mark.parametrize("path", PYTHON_FILES, ids=_name)
def test_a_file_name_says_what_is_inside(path):
    assert path.stem not in NAMELESS
    assert "-" not in path.stem


@pytest.mark.parametrize(
    "path",
    [*PYTHON_FILES, *SHELL_FILES, ROOT / "pyproject.toml", ROOT / ".ci/run"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_a_file_begins_with_its_licence(path):
    text = path.read_text(encoding="utf-8")
    assert re.sub(r"\A#!.*\n", "", text).startswith(HEADER)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_config_loads(path):
    place = path.relative_to(ROOT / "configs").with_suffix("")
    assert load_config(path).output_dir == f"output/{place.as_posix()}"


def _blocks(path: Path, language: str) -> list[str]:
    """The code blocks of a guide that are marked as a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text("utf-8"), re.M | re.S)


def _commands() -> Iterator[tuple[str, list[str]]]:
    """(file name, words) of each command in guides and in the first comment of configurations."""
    texts = [(guide.name, block) for guide in GUIDES for block in _blocks(guide, "bash")]
    for config in CONFIGS:
        lines = re.findall(r"^#   +(.*\n)", config.read_text("utf-8"), re.M)
        assert lines, f"{config.name} does not say how to run it"
        texts.append((config.name, "".join(lines)))
    for name, text in texts:
        for command in re.split(r"&&|\n", text.replace("\\\n", " ")):
            if words := shlex.split(command, comments=True):
                yield name, words


COMMANDS = list(_commands())


@pytest.mark.parametrize(
    ("guide", "words"), COMMANDS, ids=[f"{guide}: {' '.join(words)}" for guide, words in COMMANDS]
)
def test_a_documented_command_exists(guide, words, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    if "train.py" in words:
        monkeypatch.setattr(trainer, "Trainer", _NoTrainer)
        assert main(["train", *words[words.index("train.py") + 1 :]]) == 0
    elif "predict.py" in words or words[:2] == ["ppdeepfill", "predict"]:
        monkeypatch.setattr(predict, "predict", lambda *paths, **options: [])
        first = words.index("predict.py" if "predict.py" in words else "predict")
        assert main(["predict", *words[first + 1 :]]) == 0
    elif "export.py" in words:
        monkeypatch.setattr(exporting, "export_model", lambda *_, **__: None)
        assert main(["export", *words[words.index("export.py") + 1 :]]) == 0
    elif "deploy/python/infer.py" in words:
        assert runpy.run_path("deploy/python/infer.py")["parse"](words[2:])
    elif "test.py" in words:
        monkeypatch.setattr(comparison, "compare", lambda settings: None)
        monkeypatch.setattr(comparison_settings, "default_model", lambda: ROOT)
        monkeypatch.setattr(comparison_settings, "_sizes_trained_with", lambda _: {})
        assert main(["test", *words[words.index("test.py") + 1 :]]) == 0
    elif words[:2] == ["ppdeepfill", "app"]:
        monkeypatch.setattr(server, "serve", lambda *_, **__: None)
        assert main(words[1:]) == 0
    elif words[0] == "ppdeepfill":
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("ppdeepfill.alignment.report.align", lambda *arguments: None)
        monkeypatch.setattr("ppdeepfill.serving.server.serve", lambda *_, **__: None)
        monkeypatch.setattr("ppdeepfill.ablation.ablate.ablate", lambda *_, **__: None)
        monkeypatch.setattr("ppdeepfill.ablation.plan.load_configs", lambda *_: {})
        monkeypatch.setattr("ppdeepfill.drawing.curves.write_curves", lambda *_, **__: [])
        for name in (word for word in words if word.endswith(".jpg")):
            cv2.imwrite(name, np.random.default_rng(0).integers(0, 256, (64, 80, 3), np.uint8))
        if "convert" in words:
            origin, source = words[words.index("--from") + 1 :][:2]
            _write_source(Path(source), origin)
        assert main(words[1:]) == 0
    elif words[:2] == ["python", "-m"]:
        assert find_spec(words[2])
    elif words[0] in ("bash", "python"):
        assert Path(words[1]).is_file()


def _write_source(path: Path, origin: str) -> None:
    """A small network in the form that a documented command converts."""
    options = {"base_channels": 2}
    network = build_network("deepfill_v1", **options)
    if origin == "tensorflow":
        arrays = recipes.tensorflow_arrays(network, generator_names(), gain=1.0)
        write_bundle(path / "snap-0", arrays)
    elif origin == "torch":
        names = [port for _, port, _ in generator_names()]
        shapes = recipes.torch_shapes(network, generator_names())
        path.mkdir()
        arrays = recipes.torch_arrays(names, shapes, seed=0)
        (path / "gen_00430000.pt").write_bytes(pickle.dumps(arrays))
    elif origin in METHODS:
        name = METHODS[origin][0].network
        more = {"levels": 4} if origin == "shift_net" else {}
        network = build_network(name, **options, **more)
        path.write_bytes(pickle.dumps(under_their_names(network, origin, **more)))
    else:
        save_best(path, Generator("deepfill_v1", options, 1, layer_arrays(network)))


class _NoTrainer:
    def __init__(self, config): ...

    def describe(self) -> str:
        return ""

    def fit(self) -> None: ...


def test_the_python_examples_of_the_readme_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = {"base_channels": 2}
    weights = layer_arrays(build_network("deepfill_v1", **options))
    save_best(Path("output/quickstart"), Generator("deepfill_v1", options, 1, weights))
    names = {}
    for example in _blocks(ROOT / "README.md", "python"):
        exec(example, names)
    np.testing.assert_array_equal(names["completed"][:96], names["image"][:96])
    assert list(names["attended"].features.shape) == [1, 32, 64, 64]
    assert list(names["attended"].weights.shape) == [1, 1024, 32, 32]


def test_the_architecture_names_every_file():
    tree = _blocks(ROOT / "docs/architecture.md", "text")[0]
    inside = tree[tree.index("\nppdeepfill/") : tree.index("\ndeploy/")]
    named = re.findall(r"\w+\.py", inside)
    files = [path.name for path in MODULES.values()]
    assert sorted(set(named)) == sorted(set(files))


def test_both_readmes_show_the_same_code_under_the_same_numbers():
    english, chinese = ROOT / "README.md", ROOT / "README_cn.md"
    assert _blocks(english, ".*?") == _blocks(chinese, ".*?")
    numbers = [
        re.findall(r"^(#+ [\d.]*)", path.read_text("utf-8"), re.M) for path in (english, chinese)
    ]
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_a_link_to_a_file_leads_there(guide):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", guide.read_text("utf-8")):
        assert (guide.parent / target).exists(), target
