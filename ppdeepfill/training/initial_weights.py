# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Weights that a run starts with instead of random ones: to fine-tune a converted network, say."""

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
    """Fill the network with `config.initial_weights`, and the critics where theirs lie beside it.

    Critics for another image size cannot be used; the log says so, and they start at random.

    Raises:
        CheckpointError: no generator there, or that of another network.
    """
    if config.initial_weights is None:
        return
    path = find_generator(Path(config.initial_weights))
    generator = read_generator(path)
    if generator.network != config.network.name:
        raise CheckpointError(
            f"initial_weights={config.initial_weights} are of {generator.network}, but network.name"
            f" is {config.network.name}; set network.name={generator.network}"
        )
    _check_options(generator.options, config)
    load_weights(network, generator.weights, source=str(path))
    logger.info("started with the weights of %s", path)
    critics = path.with_name(CRITICS)
    if critics.is_file() and "critics" in extra_modules:
        _load_critics(extra_modules["critics"], critics)


def _check_options(options: Mapping[str, object], config: Config) -> None:
    """CheckpointError on an option of the network that the configuration sets otherwise."""
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
        logger.info("started with the critics of %s", path)
    except CheckpointError as error:
        logger.warning("the critics start at random: %s", error)
