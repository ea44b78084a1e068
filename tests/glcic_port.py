# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The networks of GLCIC with the weights of the reference runs of `GLCIC-PyTorch`."""

import method_recipes
import numpy as np

from ppdeepfill.networks.glcic import CompletionNetwork, Order
from ppdeepfill.networks.glcic_critic import JointCritic
from ppdeepfill.weights.converters.methods import glcic_modules

GAIN, BIAS = 1.4142135, 0.1


def completion_network(
    mean_color: np.ndarray, order: Order
) -> tuple[CompletionNetwork, dict[str, str]]:
    """The network at full width, and the port's name of each of its weights."""
    network = CompletionNetwork(64, mean_color=mean_color.ravel().tolist(), order=order)
    modules = glcic_modules()
    return network, method_recipes.fill(network, modules, seed=7101, gain=GAIN, bias=BIAS)


def fill_critic(critic: JointCritic) -> dict[str, str]:
    """Give a critic the weights of the runs; returns the port's name of each."""
    modules = {"to_score": "linear1"}
    for branch, theirs in (("local", "model_ld"), ("whole", "model_gd")):
        layers = len(getattr(critic, branch).convolutions)
        for number in range(layers):
            block = f"{branch}.convolutions.{number}"
            modules[f"{block}.conv"] = f"{theirs}.conv{number + 1}"
            modules[f"{block}.norm"] = f"{theirs}.bn{number + 1}"
        modules[f"{branch}.to_features"] = f"{theirs}.linear{layers + 1}"
    return method_recipes.fill(critic, modules, seed=7102, gain=GAIN, bias=BIAS)
