# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The methods that a visitor can choose, and the loaded networks."""

from collections import OrderedDict
from pathlib import Path

from ppdeepfill.app.words import PAGE, Refusal, Words
from ppdeepfill.inference.baselines import BaselineInpainter
from ppdeepfill.inference.inpainter import Inpainter
from ppdeepfill.weights.finding import SHIPPED, find_generator, runs

MOST_LOADED = 2  # networks in memory
BASELINES = {"PatchMatch": "patchmatch", "Telea": "telea", "Navier-Stokes": "navier_stokes"}


class Methods:
    """Methods by name. Only one thread may load networks."""

    def __init__(self) -> None:
        self._loaded: OrderedDict[tuple[Path, int], Inpainter] = OrderedDict()

    def names(self) -> list[str]:
        """The shipped networks first, then the runs found below ./output, then the baselines."""
        return [*_networks(), *BASELINES]

    @staticmethod
    def shown(name: str, words: Words) -> str:
        """The text for the method of this name in the list."""
        if name in SHIPPED:
            return words(PAGE["shipped"], name=name)
        return words(PAGE["no_network"], name=name) if name in BASELINES else name

    def inpainter(self, name: str) -> Inpainter | BaselineInpainter:
        """Return the method of this name, loading its network if necessary.

        Raises:
            Refusal: there is no such method.
            CheckpointError: its network cannot be read.
        """
        if name in BASELINES:
            return BaselineInpainter(BASELINES[name])
        networks = _networks()
        if name not in networks:
            raise Refusal("no_method", name=name)
        file = find_generator(networks[name])
        key = (file, file.stat().st_mtime_ns)  # a run in training replaces its file
        if key not in self._loaded:
            while len(self._loaded) >= MOST_LOADED:
                self._loaded.popitem(last=False)
            self._loaded[key] = Inpainter.from_checkpoint(file)
        self._loaded.move_to_end(key)
        return self._loaded[key]


def _networks() -> dict[str, Path]:
    """Name -> path of the networks available now."""
    return {**SHIPPED, **{str(run): run for run in runs()}}
