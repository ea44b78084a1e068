# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Start a run from given weights instead of random ones, e.g. to fine-tune a converted network."""

import logging
from collections.abc import Mapping
from pathlib import Path

from paddle import nn

from ppdeepfill.config import Config
from ppdeepfill.errors import CheckpointError
from ppdeepfill.weights.checkpoint import CRITICS
from ppdeepfill.weights.finding import find_generator
from ppdeepfill.weights.generator_file import load_weights, read_critics, read_generator

logger = logging.getLogger(__name__)


def load_initial_weights(
    config: Config, network: nn.Layer, extra_modules: Mapping[str, nn.Layer]
) -> None:
    """Load `config.initial_weights` into the network, and critics from the same folder, if any.

    Critics for another image size cannot be used: they keep their random weights, and the log
    says so.

    Raises:
        CheckpointError: there is no generator, or it is for another network.
    """
    if config.initial_weights is None:
        return
    path = find_generator(Path(config.initial_weights))
    generator = read_generator(path)
    if generator.network != config.network.name:
        raise CheckpointError(
            f"initial_weights={config.initial_weights} are for {generator.network}, but "
            f"network.name is {config.network.name}; set network.name={generator.network}"
        )
    _check_options(generator.options, config)
    load_weights(network, generator.weights, source=str(path))
    logger.info("loaded initial weights from %s", path)
    critics = path.with_name(CRITICS)
    if critics.is_file() and "critics" in extra_modules:
        _load_critics(extra_modules["critics"], critics)


def _check_options(options: Mapping[str, object], config: Config) -> None:
    """Raise CheckpointError if the configuration sets a network option to another value."""
    for key, value in options.items():
        ours = config.network.options.get(key, value)
        if ours != value:
            raise CheckpointError(
                f"initial_weights={config.initial_weights} have {key} {value}, but network.options."
                f"{key} is {ours}; set network.options.{key}={value}"
            )


def _load_critics(module: nn.Layer, path: Path) -> None:
    weights = read_critics(path)
    try:
        load_weights(module, weights, source=str(path))
        logger.info("loaded critics from %s", path)
    except CheckpointError as error:
        logger.warning("the critics start from random weights: %s", error)
