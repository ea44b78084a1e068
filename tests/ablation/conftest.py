# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

from pathlib import Path

import pytest
from small_run import small_config

from ppdeepfill.cli import main
from ppdeepfill.drawing.curves import Drawn

SMALL = {  # milliseconds an iteration
    "network": {"name": "shift_net", "options": {"base_channels": 2, "levels": 4}},
    "objective": {"name": "shift_net", "options": {"critic_channels": 2}},
}


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The current folder, with the configurations one.yaml and two.yaml."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write_config(folder, photos):
    """Writes a small configuration of 4 iterations; changes as in `small_config`."""

    def write(name: str, **changes) -> str:
        changes = SMALL | {"data__validation": str(photos), **changes}
        config = small_config(photos, "unused", data__validation_images=2, **changes)
        (folder / f"{name}.yaml").write_text(config.to_yaml(), encoding="utf-8")
        return f"{name}.yaml"

    return write


@pytest.fixture
def two_configs(write_config) -> list[str]:
    """Two that differ in the learning rate."""
    write_config("one", optimizer__learning_rate=0.01)
    write_config("two")
    return ["one.yaml", "two.yaml"]


@pytest.fixture
def quick_curves(monkeypatch):
    """Curves take longer to draw than such networks to train."""
    drawn = Drawn(b"a picture", "<svg>a picture</svg>")
    monkeypatch.setattr("ppdeepfill.ablation.report.draw_curves", lambda curves, by: drawn)


@pytest.fixture
def ablate(quick_curves):
    """The verb, with what its tests have in common."""

    def run(*arguments) -> int:
        common = ["--device", "cpu", "--num_images", "3", "--save_dir", "ab"]
        return main(["ablate", *map(str, arguments), *common])

    return run


@pytest.fixture
def refusal(ablate, capsys):
    """The message of a command that is refused."""

    def run(*arguments) -> str:
        try:
            status = ablate(*arguments)
        except SystemExit as error:  # by argparse
            status = error.code
        assert status == 2
        message = capsys.readouterr().err
        assert "Traceback" not in message
        return message

    return run
