# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
import ast
import importlib.util
import re
import warnings
from pathlib import Path
from typing import Literal

import pytest
from pydantic import ValidationError

from ppdeepfill import networks
from ppdeepfill.config import Config, load_config
from ppdeepfill.config.text import leaves, schema_table
from ppdeepfill.errors import ConfigError

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIGS = sorted((REPOSITORY / "configs").rglob("*.yaml"))

MINIMAL = """\
output_dir: out
network: {name: deepfill_v1}
data: {train: photos}
"""


@pytest.fixture
def write(tmp_path):
    """Text -> the path of a YAML file that holds it."""

    def write(text: str) -> Path:
        path = tmp_path / "experiment.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def refusal(path, *overrides) -> str:
    """The message with which a configuration is refused."""
    with pytest.raises(ConfigError) as error:
        load_config(path, overrides)
    return str(error.value)


def test_defaults_are_the_papers(write):
    config = load_config(write(MINIMAL))
    assert config.data.image_size == (256, 256)
    assert config.mask.size == (128, 128)
    assert config.data.batch_size == 48
    assert (config.optimizer.learning_rate, config.optimizer.beta1, config.optimizer.beta2) == (
        1e-4,
        0.5,
        0.9,
    )
    assert config.objective.name == "wgan_gp"


def test_option_defaults_are_filled_in(write):
    config = load_config(write(MINIMAL), ["objective.options.discount=0.9"])
    assert config.network.options["base_channels"] == 32
    assert config.network.options["attention"] == "contextual"
    assert config.objective.options["discount"] == 0.9
    assert config.objective.options["critic_steps"] == 5


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configuration_is_self_contained_and_says_how_to_run(path):
    config = load_config(path)
    header = path.read_text(encoding="utf-8").split("seed:")[0]
    name = path.relative_to(REPOSITORY / "configs").as_posix()
    assert f"{config.output_dir}.yaml" == f"output/{name}"
    assert "python train.py" in header and "docs/results.md" in header and "Data:" in header
    assert path.stem == "quickstart" or f"configs/{name}" in header


@pytest.mark.parametrize(
    "output_dir", ["out", "1e-4", "007", "2018", "null", "true", "a: b", "2018-01-24", "街景"]
)
def test_yaml_round_trip_is_exact(write, output_dir):
    config = load_config(write(MINIMAL))
    config = Config.from_dict({**config.to_dict(), "output_dir": output_dir})
    assert load_config(write(config.to_yaml())) == config
    assert config.output_dir == output_dir


def test_loaded_configuration_is_frozen(write):
    config = load_config(write(MINIMAL))
    with pytest.raises(ValidationError, match="frozen"):
        config.schedule.iterations = 3


def test_numbers_are_read_as_people_write_them(write):
    config = load_config(
        write(MINIMAL),
        ["optimizer.learning_rate=1e-4", "schedule.iterations=1e3", "output_dir=2018"]
        + ["objective.options.adversarial_weight=5e-4", "mask.size=[96,64]", "seed=1_000"],
    )
    assert config.optimizer.learning_rate == 1e-4
    assert config.schedule.iterations == 1000
    assert config.output_dir == "2018"
    assert config.objective.options["adversarial_weight"] == 5e-4
    assert config.mask.size == (96, 64)
    assert config.seed == 1000


def test_later_overrides_win_and_leave_the_rest(write):
    config = load_config(write(MINIMAL), ["data.batch_size=3", "data.batch_size=4"])
    assert config.data.batch_size == 4
    assert config.data.train == "photos"


def test_override_of_one_section_leaves_another_that_shares_its_yaml_anchor(write):
    text = MINIMAL + "objective: {name: wgan_gp, options: &none {}}\n"
    text = text.replace("{name: deepfill_v1}", "{name: deepfill_v1, options: &own {}}")
    text = text.replace("options: &none {}", "options: *own")
    config = load_config(write(text), ["network.options.base_channels=8"])
    assert config.network.options["base_channels"] == 8
    assert "base_channels" not in config.objective.options


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("data.batchsize=3", ["data.batchsize", "did you mean data.batch_size?", "workers"]),
        ("optimiser.beta1=0", ["optimiser", "did you mean optimizer?", "schedule"]),
        ("iterations=5", ["did you mean schedule.iterations?"]),
        ("zzz.y=1", ["unknown key zzz", "Valid keys at the top: seed"]),
        ("schedule.iterations=many", ["schedule.iterations", "integer", "'many'", "1000000"]),
        ("schedule.iterations=1.5", ["schedule.iterations", "integer", "1.5"]),
        ("schedule.iterations=0", ["schedule.iterations", "greater than or equal to 1"]),
        ("schedule.iterations=true", ["schedule.iterations must be a number"]),
        ("optimizer.learning_rate=fast", ["number", "'fast'", "learning_rate: 0.0001"]),
        ("optimizer.learning_rate=nan", ["optimizer.learning_rate", "finite"]),
        ("optimizer.beta1=1", ["less than 1"]),
        ("schedule.validate=maybe", ["schedule.validate", "boolean", "'maybe'"]),
        ("data.train=[a,b]", ["data.train", "string"]),
        ("data.train=", ["data.train", "string"]),
        ("data=5", ["data must be a mapping with the keys train", "5"]),
        ("data.image_size=250", ["data.image_size", "multiple of 8", "248"]),
        ("data.image_size=[64]", ["data.image_size", "[height, width]"]),
        ("data.image_size=big", ["data.image_size", "[height, width]", "'big'"]),
        ("data.image_size=64", ["mask.size [128, 128]", "data.image_size [64, 64]"]),
        ("mask.size=300", ["mask.size", "larger than data.image_size"]),
        ("mask.size=256", ["mask.size [256, 256] must be smaller", "no pixel is known"]),
        ("mask.size=[8,300]", ["mask.max_shrink must be smaller"]),
        ("mask.size=0", ["mask.size", "at least 1"]),
        ("mask.max_shrink=128", ["mask.max_shrink", "no hole is left"]),
        (
            "mask.kind=circle",
            ["mask.kind", "'rectangle', 'center', 'free_form' or 'mixed'", "'circle'"],
        ),
        ("device=cuda", ["device must be auto, cpu, gpu", "'cuda'"]),
        ("precision=fp8", ["precision must be 'fp32', 'bf16' or 'fp16'", "'fp8'"]),
        ("network.name=deepfil_v1", ["network.name", "did you mean deepfill_v1?", "Known:"]),
        ("objective.name=zzz", ["objective.name", "Known: wgan_gp"]),
        ("network.options=3", ["network.options must be a mapping", "3"]),
        (
            "network.options.base_chanels=3",
            ["network.options.base_chanels", "did you mean network.options.base_channels?"],
        ),
        ("objective.options.discont=1", ["did you mean objective.options.discount?", "known_l1"]),
        ("objective.options.seed=1", ["unknown key objective.options.seed"]),
        ("objective.options.discount=high", ["objective.options.discount", "number", "'high'"]),
        ("objective.options.critic_steps=true", ["objective.options.critic_steps", "number"]),
        ("objective.options.hole_l1_on=row", ["objective.options.hole_l1_on", "'raw'", "'row'"]),
        ("schedule.iterations", ["write key=value"]),
        ("=3", ["write key=value"]),
        ("a..b=3", ["write key=value"]),
        ("output_dir.x=3", ["output_dir has the value 'out'"]),
        ("mask.size=[3", ["override 'mask.size=[3'", "line 1"]),
    ],
)
def test_unusable_override_is_explained(write, override, expected):
    message = refusal(write(MINIMAL), override)
    assert all(text in message for text in expected), message
    assert "pydantic" not in message and "Input" not in message, message


# Eight times more values in each line.
GROWING = "a: &a0 [1]\n" + "".join(
    f"a{n}: &a{n + 1} [{', '.join([f'*a{n}'] * 8)}]\n" for n in range(9)
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["must contain a mapping", "nothing"]),
        ("- a\n- b\n", ["must contain a mapping", "list"]),
        ("seed: 1\nseed: 2\n", ["line 2", "'seed' is given twice"]),
        (MINIMAL + "mask:\n  size: 3\n  size: 4\n", ["line 6", "'size' is given twice"]),
        ("seed: [1, 2\n", ["line 2"]),
        ("a: b: c\n", ["line 1", "mapping values are not allowed"]),
        ("a:\n\t- b\n", ["line 2"]),
        ("seed: 1\n", ["3 problems", "output_dir is missing", "network is missing", "data is"]),
        (MINIMAL + "5: x\n", ["unknown key 5", "Valid keys at the top"]),
        (MINIMAL + "mask:\n", ["mask must be a mapping"]),
        ("a: !!python/object:os.system {}\n", ["line 1", "python/object"]),
        ("a: !!float x\n", ["tag"]),
        ("a: !!timestamp x\n", ["tag"]),
        ("a: &a [*a]\n", ["50 levels"]),
        ("[" * 5_000, ["50 levels"]),
        (GROWING, ["100,000 values"]),
    ],
)
def test_unusable_file_is_explained(write, text, expected):
    path = write(text)
    message = refusal(path)
    assert str(path) in message
    assert all(part in message for part in expected), message


def test_missing_file_names_the_nearest(write):
    path = write(MINIMAL)
    assert f"did you mean {path}?" in refusal(path.with_name("experimnt.yaml"))
    assert "contains: experiment.yaml" in refusal(path.with_name("zzz"))


def test_folder_and_binary_file_are_no_configuration(tmp_path):
    assert "directory" in refusal(tmp_path)
    (tmp_path / "photo.yaml").write_bytes(b"\xff\xd8\xff\xe0")
    assert "UTF-8" in refusal(tmp_path / "photo.yaml")


def test_all_problems_are_told_at_once(write):
    message = refusal(write(MINIMAL), "data.batchsize=3", "seed=-1")
    assert "2 problems" in message and "batch_size" in message and "seed" in message


def test_message_names_file_and_override(write):
    path = write(MINIMAL)
    assert refusal(path, "seed=-1").startswith(f"{path} with overrides: seed must be")


def test_options_follow_any_builder_signature(write, monkeypatch):
    def tiny(*, width: int, mode: Literal["a", "b"] = "a", scales: tuple[int, ...] = (1, 2)):
        raise AssertionError("loading a configuration builds nothing")

    monkeypatch.setitem(networks.NETWORKS, "tiny", tiny)
    text = MINIMAL.replace("deepfill_v1", "tiny")
    assert "network.options.width is missing" in refusal(write(text))
    config = load_config(write(text), ["network.options.width=4", "network.options.scales=[3]"])
    assert config.network.options == {"width": 4, "mode": "a", "scales": (3,)}
    assert load_config(write(config.to_yaml())) == config


def test_schema_table_lists_every_key_with_a_description():
    table = schema_table(Config)
    for path, field in leaves(Config):
        assert field.description, path
        assert re.search(rf"^  {re.escape(path)} .*{re.escape(field.description)}$", table, re.M)


def test_schema_raises_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = REPOSITORY / "ppdeepfill/config/sections.py"
        spec = importlib.util.spec_from_file_location("config_once_more", path)
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


UNPACKED = r"(?:\w+\.)*config\.(\w+)\.model_dump\(\)"


def readers() -> tuple[set[tuple[str, str]], set[str]]:
    """What the package reads: (receiver, attribute) pairs, and sections unpacked whole.

    `self.config.data.train` gives (data, train); `Adam(**config.optimizer.model_dump())` gives
    optimizer.
    """
    pairs, whole = set(), set()
    for path in (REPOSITORY / "ppdeepfill").rglob("*.py"):
        if path.parent.name == "config":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                pairs.add((ast.unparse(node.value).rpartition(".")[2], node.attr))
            elif isinstance(node, ast.keyword) and node.arg is None:
                unpacked = re.fullmatch(UNPACKED, ast.unparse(node.value))
                whole |= set(unpacked.groups()) if unpacked else set()
    return pairs, whole


def test_every_key_is_read_by_some_code():
    pairs, whole = readers()
    unread = []
    for path, _ in leaves(Config):
        section, leaf = [*path.split(".")][-2:] if "." in path else ("", path)
        receivers = {section, "settings"} if section else {"config"}
        if section not in whole and not any((receiver, leaf) in pairs for receiver in receivers):
            unread.append(path)
    assert not unread, f"no code reads {', '.join(unread)}"


def test_strokes_may_have_a_local_region_as_large_as_the_image(write):
    overrides = ["mask.kind=free_form", "mask.size=256", "mask.max_shrink=0"]
    assert load_config(write(MINIMAL), overrides).mask.size == (256, 256)
