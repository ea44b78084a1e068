# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""nan, infinity and numbers on their way there: in batches, weights, gradients, scores."""

import json

import cv2
import numpy as np
import pytest
from small_run import (
    read_checkpoints,
    read_metrics,
    save_small_network,
    small_config,
    validating,
)

from ppdeepfill.cli import main
from ppdeepfill.errors import UserError
from ppdeepfill.training.state import optimizer_arrays
from ppdeepfill.training.trainer import Trainer
from ppdeepfill.weights.checkpoint import best_model, checkpoint_folders, read_checkpoint
from ppdeepfill.weights.generator_file import read_generator, write_generator

BAD = [float("nan"), float("inf"), -float("inf")]


def arrays_of(trainer):
    """Everything that is trained, and what the optimizers keep."""
    arrays = {}
    for name, module in trainer.modules.items():
        arrays |= {f"{name}/{key}": t.numpy().copy() for key, t in module.state_dict().items()}
    for phase in trainer.phases:
        optimizer = trainer.optimizers[phase.optimizer_name]
        state = optimizer_arrays(optimizer, phase.trains)
        arrays |= {f"{phase.name}/{key}": np.array(array) for key, array in state.items()}
    return arrays


def set_one(tensor, value):
    array = tensor.numpy()
    array.reshape(-1)[0] = value
    tensor.set_value(array)


def spoil_batches(trainer, value, *, numbers):
    """Put a value into one pixel of some batches."""
    load = iter(trainer.loader)

    def batches():
        for number, batch in enumerate(load):
            if number in numbers:
                set_one(batch.image, value)
            yield batch

    trainer.loader = batches()


@pytest.mark.parametrize("value", BAD)
def test_a_bad_image_costs_only_the_updates_that_use_it(photos, tmp_path, value, messages):
    config = small_config(photos, tmp_path, objective__options__critic_steps=1)
    trainer = Trainer(config)
    before = arrays_of(trainer)
    spoil_batches(trainer, value, numbers={0, 1})  # one batch of the critic, one of the generator
    trainer.step()
    after = arrays_of(trainer)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    for phase in ("critic", "generator"):
        assert f"skipped {phase} update of iteration 1" in messages.text
    trainer.step()
    assert all(np.isfinite(array).all() for array in arrays_of(trainer).values())
    assert np.isfinite(list(trainer.meter.read().scalars.values())).all()


@pytest.mark.parametrize("value", [*BAD, 1e30])
def test_a_bad_gradient_changes_nothing(photos, tmp_path, value, messages):
    """1e30 is finite, but Adam keeps its square, and such a weight would never change again."""
    trainer = Trainer(small_config(photos, tmp_path, objective__options__critic_steps=1))
    trainer.step()
    before = arrays_of(trainer)
    critic, generator = trainer.phases

    def spoiled(batch):
        loss, terms = critic.loss(batch)
        weight = critic.trains.parameters()[0]
        return loss + (weight * value if np.isfinite(value) else weight * 0 * value).sum(), terms

    trainer.phases = [critic._replace(loss=spoiled)]
    trainer.step()
    after = arrays_of(trainer)
    assert all(np.array_equal(before[name], after[name]) for name in after)
    assert "skipped critic update of iteration 2" in messages.text


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("module", ["generator", "critics"])
def test_bad_weights_end_the_run_and_never_reach_the_disk(photos, tmp_path, module, value):
    config = small_config(photos, tmp_path, schedule__iterations=30)
    trainer = Trainer(config)
    step = trainer.step

    def step_that_spoils():
        scalars = step()
        if trainer.iteration == 3:
            set_one(trainer.modules[module].parameters()[0], value)
        return scalars

    trainer.step = step_that_spoils
    with pytest.raises(UserError, match="training stopped.*before are intact.*learning_rate"):
        trainer.fit()
    assert [folder.name for folder in checkpoint_folders(tmp_path)] == ["iter_00000002"]
    for folder in checkpoint_folders(tmp_path):
        checkpoint = read_checkpoint(folder)
        arrays = checkpoint.arrays | checkpoint.generator.weights
        assert all(np.isfinite(array).all() for array in arrays.values())
    trainer = Trainer(config)
    trainer.resume()
    assert trainer.iteration == 2


@pytest.mark.parametrize("value", BAD)
def test_weights_that_are_not_finite_are_refused_before_a_picture_is_filled(
    tmp_path, value, capsys
):
    run = save_small_network(tmp_path / "run")
    file = best_model(run)
    generator = read_generator(file)
    next(iter(generator.weights.values())).reshape(-1)[-1] = value
    write_generator(file, generator)
    photo, mask = photo_and_mask(tmp_path)
    for words in (["predict", "--image_path", photo, "--mask_path", mask], ["export"]):
        assert main([*words, "--model_path", str(run), "--save_dir", str(tmp_path / "out")]) == 2
        assert "contain nan or infinity" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()


def photo_and_mask(folder):
    image, mask = np.full([32, 32, 3], 90, np.uint8), np.zeros([32, 32], np.uint8)
    mask[8:16, 8:16] = 255
    for name, content in (("photo.png", image), ("mask.png", mask)):
        cv2.imwrite(str(folder / name), content)
    return str(folder / "photo.png"), str(folder / "mask.png")


@pytest.mark.parametrize("rate", [1e3, 1e20, 1e38])
def test_a_learning_rate_that_explodes_ends_with_advice(photos, tmp_path, rate):
    """Earlier checkpoints stay, and the same command with the old rate goes on from them."""
    calm = small_config(photos, tmp_path, schedule__iterations=2)
    Trainer(calm).fit()
    before = read_checkpoints(tmp_path)
    changes = {"schedule__iterations": 40, "optimizer__learning_rate": rate}
    wild = small_config(photos, tmp_path, schedule__checkpoint_every=40, **changes)
    with pytest.raises(UserError, match="training stopped.*learning_rate"):
        Trainer(wild).fit()
    assert {name: read_checkpoints(tmp_path)[name] for name in before} == before
    Trainer(small_config(photos, tmp_path, schedule__iterations=4)).fit()
    saved = read_checkpoint(tmp_path / "checkpoints" / "iter_00000004")
    assert all(np.isfinite(array).all() for array in saved.generator.weights.values())
    for line in (tmp_path / "metrics.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_a_phase_whose_updates_are_always_bad_ends_the_run(photos, tmp_path):
    """Even if those of another phase are good."""
    config = small_config(
        photos, tmp_path, schedule__iterations=20, objective__options__critic_steps=1
    )
    trainer = Trainer(config)
    critic, generator = trainer.phases
    trainer.phases = [
        critic._replace(loss=lambda batch: (critic.loss(batch)[0] * float("nan"), {})),
        generator,
    ]
    with pytest.raises(UserError, match="10 updates in a row.*critic update of iteration 10"):
        trainer.fit()


def test_a_score_that_is_nan_is_never_the_best(photos, tmp_path, monkeypatch):
    validating(monkeypatch, [float("nan"), 0.5, float("nan"), 0.4])
    config = small_config(photos, tmp_path, data__validation=str(photos), schedule__iterations=8)
    Trainer(config).fit()
    assert read_generator(tmp_path / "best_model" / "generator.safetensors").iteration == 8
    assert [r["hole_l1"] for r in read_metrics(tmp_path) if r["type"] == "validate"] == [
        None,
        0.5,
        None,
        0.4,
    ]
