# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest
from small_run import small_config

from ppdeepfill.errors import CheckpointError
from ppdeepfill.networks import build_network
from ppdeepfill.networks.critics import Critics
from ppdeepfill.training.state import layer_arrays
from ppdeepfill.training.trainer import Trainer
from ppdeepfill.weights.checkpoint import CRITICS, GENERATOR, read_checkpoint
from ppdeepfill.weights.generator_file import (
    Generator,
    read_critics,
    read_generator,
    write_critics,
    write_generator,
)

SMALL = {"base_channels": 4}


@pytest.fixture
def converted(tmp_path):
    """A folder as `ppdeepfill convert` leaves it, for critics of 32 and 16 pixels."""
    folder = tmp_path / "converted"
    folder.mkdir()
    weights = layer_arrays(build_network("deepfill_v1", **SMALL))
    write_generator(folder / GENERATOR, Generator("deepfill_v1", SMALL, 0, weights))
    critics = Critics((32, 32), (16, 16), 4)
    write_critics(folder / CRITICS, layer_arrays(critics), kind="deepfill_v1")
    return folder


def start(photos, tmp_path, weights, **changes):
    trainer = Trainer(small_config(photos, tmp_path / "run", initial_weights=weights, **changes))
    trainer.resume()
    return trainer


def assert_weights(layer, expected):
    found = layer_arrays(layer)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_a_run_starts_with_generator_and_critics(photos, tmp_path, converted, messages):
    trainer = start(photos, tmp_path, str(converted))
    assert_weights(trainer.network, read_generator(converted / GENERATOR).weights)
    assert_weights(trainer.extra_modules["critics"], read_critics(converted / CRITICS))
    assert trainer.iteration == 0
    assert str(converted) in messages.text


def test_critics_for_another_size_are_left_out_with_a_warning(
    photos, tmp_path, converted, messages
):
    trainer = start(photos, tmp_path, str(converted), data__image_size=48)
    assert [record.levelname for record in messages.records].count("WARNING") == 1
    assert "critics start from random weights" in messages.text
    trainer.step()


def test_weights_of_another_network_are_refused(photos, tmp_path, converted):
    with pytest.raises(CheckpointError, match="set network.name=deepfill_v1$"):
        start(photos, tmp_path, str(converted), network__name="deepfill_v1_torch")
    with pytest.raises(CheckpointError, match="set network.options.base_channels=4"):
        start(photos, tmp_path, str(converted), network__options={"base_channels": 2})
    with pytest.raises(CheckpointError, match=r"no generator\.safetensors"):
        start(photos, tmp_path, str(tmp_path / "absent"))


def test_a_resumed_run_goes_on_from_its_own_checkpoint(photos, tmp_path, converted):
    weights = {"initial_weights": str(converted)}
    Trainer(small_config(photos, tmp_path / "run", schedule__iterations=2, **weights)).fit()
    saved = read_checkpoint(tmp_path / "run" / "checkpoints" / "iter_00000002")
    trainer = start(photos, tmp_path, str(converted))
    assert trainer.iteration == 2
    assert_weights(trainer.network, saved.generator.weights)
