# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Shift-Net with the weights of the reference run of `Shift-Net_pytorch`."""

import method_recipes

from ppdeepfill.networks.shift_net import ShiftNet
from ppdeepfill.weights.converters.methods import shift_net_modules


def fill_shift_net(network: ShiftNet) -> dict[str, str]:
    """Give it the weights of the run; returns the authors' name of each."""
    modules = shift_net_modules(len(network.down))
    return method_recipes.fill(network, modules, seed=7206, gain=1.2, bias=0.1)
