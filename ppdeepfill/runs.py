# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Training runs on disk: which is the newest, and with what it was trained."""

from pathlib import Path

from ppdeepfill.checkpoint import GENERATOR
from ppdeepfill.config import Config, load_config
from ppdeepfill.errors import CheckpointError


def newest_run(folder: Path) -> Path:
    """The output_dir below a folder that a generator was written to last.

    Raises:
        CheckpointError: there is none.
    """
    files = [file for file in folder.rglob(GENERATOR) if run_of(file)]
    if not files:
        raise CheckpointError(
            f"no trained network below {folder.absolute()}: train one with train.py, or say where "
            "it is with --model_path"
        )
    return run_of(max(files, key=lambda file: file.stat().st_mtime))


def run_of(generator: Path) -> Path | None:
    """The output_dir that a generator file lies in; None for a file elsewhere."""
    folder = generator.absolute().parent
    if folder.name == "best_model":
        return folder.parent
    if folder.parent.name == "checkpoints" and folder.name.startswith("iter_"):
        return folder.parent.parent
    return None


def config_of(generator: Path) -> Config | None:
    """The configuration that a generator was trained with, if its run still lies around it.

    Raises:
        ConfigError: there is one that this version cannot read.
    """
    run = run_of(generator)
    if run is None or not (run / "config.yaml").is_file():
        return None
    return load_config(run / "config.yaml")
