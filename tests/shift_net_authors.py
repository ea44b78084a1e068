# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Shift-Net with the weights of the reference run of `Shift-Net_pytorch`."""

import method_recipes

from ppdeepfill.networks.shift_net import SHIFT_LEVEL, ShiftNet


def fill_shift_net(network: ShiftNet) -> dict[str, str]:
    """Give it the weights of the run; returns the authors' name of each."""
    modules, outer, last = {}, "model", len(network.down) - 1
    for level in range(last + 1):
        # Places in the authors' sequence: convolution, norm, inner block, up-convolution, norm.
        down, down_norm, inner, up, up_norm = 1, 2, 3, 5, 6
        if level == 0:
            down, down_norm, inner, up, up_norm = 0, None, 1, 3, None
        elif level == SHIFT_LEVEL - 1:  # guidance and shift come before the up-convolution
            up, up_norm = 7, 8
        elif level == last:
            down_norm, up, up_norm = None, 3, 4
        places = {"down": (down, down_norm), "up": (up, up_norm)}
        for direction, (convolution, norm) in places.items():
            modules[f"{direction}.{level}.conv"] = f"{outer}.model.{convolution}"
            if norm is not None:
                modules[f"{direction}.{level}.norm"] = f"{outer}.model.{norm}"
        outer = f"{outer}.model.{inner}"
    return method_recipes.fill(network, modules, seed=7206, gain=1.2, bias=0.1)
