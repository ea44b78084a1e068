# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Training runs on disk: with what a network was trained."""

from pathlib import Path

from ppdeepfill.config import Config, load_config


def config_of(generator: Path) -> Config | None:
    """The configuration that a generator file was trained with, if its run still lies around it.

    Raises:
        ConfigError: there is one that this version cannot read.
    """
    folder = generator.absolute().parent
    run = folder.parent if folder.name == "best_model" else folder.parent.parent
    is_of_run = folder.name == "best_model" or folder.parent.name == "checkpoints"
    if not is_of_run or not (run / "config.yaml").is_file():
        return None
    return load_config(run / "config.yaml")
