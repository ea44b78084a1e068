# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The methods that can be chosen, and how many networks stay loaded."""

import os
from pathlib import Path

import numpy as np
import pytest

from ppdeepfill.app import methods as module
from ppdeepfill.app.methods import Methods
from ppdeepfill.errors import DataError
from ppdeepfill.inference.baselines import BASELINES
from ppdeepfill.inference.strategies import Strategy, fill
from ppdeepfill.networks import build_network
from ppdeepfill.training.state import layer_arrays
from ppdeepfill.weights.checkpoint import save_best
from ppdeepfill.weights.finding import SHIPPED
from ppdeepfill.weights.generator_file import Generator


@pytest.fixture
def runs(tmp_path, monkeypatch) -> list[str]:
    """Three runs below ./output, the newest first."""
    monkeypatch.chdir(tmp_path)
    options = {"base_channels": 2}
    weights = layer_arrays(build_network("deepfill_v1", **options))
    names = ["output/c", "output/deep/b", "output/a"]
    for age, name in enumerate(names):
        save_best(Path(name), Generator("deepfill_v1", options, 1, weights))
        for file in Path(name).rglob("*.safetensors"):
            os.utime(file, (1e9 - age, 1e9 - age))
    return names


def test_the_shipped_network_comes_first_then_the_runs_found(runs):
    assert Methods().names() == [*SHIPPED, *runs, *module.BASELINES]


def test_a_path_is_no_method(runs):
    for name in ("/etc/passwd", "output", "../output/a", "weights", ""):
        with pytest.raises(DataError, match="no longer exists; reload the page"):
            Methods().inpainter(name)


def test_few_networks_stay_loaded(runs):
    methods = Methods()
    first = methods.inpainter(runs[0])
    assert methods.inpainter(runs[0]) is first
    for name in runs[1:]:
        methods.inpainter(name)
    assert len(methods._loaded) == module.MOST_LOADED
    assert methods.inpainter(runs[0]) is not first


def test_a_run_that_went_on_is_loaded_again(runs):
    methods = Methods()
    first = methods.inpainter(runs[0])
    for file in Path(runs[0]).rglob("*.safetensors"):
        os.utime(file, (2e9, 2e9))
    assert methods.inpainter(runs[0]) is not first


@pytest.mark.parametrize(("shown", "name"), module.BASELINES.items())
def test_a_method_without_network_fills_as_on_the_command_line(shown, name, rng):
    image = rng.integers(0, 256, (40, 48, 3), np.uint8)
    hole = np.zeros((40, 48), bool)
    hole[12:24, 10:30] = True
    filled = fill(Methods().inpainter(shown), image, hole, Strategy()).image
    np.testing.assert_array_equal(filled, BASELINES[name](image, np.uint8(hole) * 255))
