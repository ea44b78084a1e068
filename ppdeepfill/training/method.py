# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The network of a configuration, and the objective that trains it."""

from paddle.nn import Layer

from ppdeepfill.config import Config
from ppdeepfill.errors import refusals_of
from ppdeepfill.networks import build_network
from ppdeepfill.objectives import Objective, build_objective


def build_method(config: Config) -> tuple[Layer, Objective]:
    """Build both, with weights drawn from Paddle's random generator.

    Raises:
        ConfigError: an option has a value that the network or the objective refuses.
    """
    with refusals_of("network.options"):
        network = build_network(config.network.name, **config.network.options)
    with refusals_of("objective.options"):
        objective = build_objective(
            config.objective.name,
            network,
            image_size=config.data.image_size,
            local_size=config.mask.size,
            seed=config.seed,
            **config.objective.options,
        )
    return network, objective
