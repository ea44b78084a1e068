# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import json
import re
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
from small_run import read_metrics, small_config, validating, write_photos

from ppdeepfill.errors import ConfigError, DataError, OutputError, UserError
from ppdeepfill.networks import DeepFillV1
from ppdeepfill.training.optimizers import train_only
from ppdeepfill.training.trainer import Trainer
from ppdeepfill.weights.checkpoint import read_checkpoint
from ppdeepfill.weights.generator_file import read_generator

ROOT = Path(__file__).resolve().parents[2]


def weights(layer):
    return {name: tensor.numpy().copy() for name, tensor in layer.state_dict().items()}


def changed(before, layer):
    return {name for name, tensor in layer.state_dict().items() if (before[name] != tensor).any()}


def test_each_phase_changes_only_what_it_trains(photos, tmp_path):
    trainer = Trainer(small_config(photos, tmp_path))
    critic, generator = trainer.phases
    critics = trainer.extra_modules["critics"]
    for phase, other in [(critic, trainer.network), (generator, critics)]:
        before, trained = weights(other), weights(phase.trains)
        train_only(phase, trainer.parameters)
        trainer._update(phase)
        assert not changed(before, other)
        assert changed(trained, phase.trains)
        assert all(p.grad is None for p in [*other.parameters(), *phase.trains.parameters()])


def test_a_phase_gives_the_others_no_gradient(photos, tmp_path, monkeypatch):
    trainer = Trainer(small_config(photos, tmp_path))
    critics = trainer.extra_modules["critics"]
    seen = []
    generator = trainer.phases[1]
    monkeypatch.setattr(
        trainer.guards[generator.name],
        "allows",
        lambda *_: seen.append([p.grad for p in critics.parameters()]),
    )
    train_only(generator, trainer.parameters)
    trainer._update(generator)
    assert set(seen[0]) == {None}


def test_an_iteration_draws_one_batch_for_each_update(photos, tmp_path):
    trainer = Trainer(small_config(photos, tmp_path, objective__options__critic_steps=3))
    batches = []
    load = trainer.loader
    trainer.loader = (batches.append(batch.sample_numbers) or batch for batch in load)
    scalars = trainer.step()
    assert np.array_equal(np.concatenate(batches), np.arange(8))
    assert {"loss", "generator", "critic", "hole_l1", "gradient_penalty"} <= scalars.keys()
    assert float(scalars["loss"]) == float(scalars["generator"])
    assert trainer.meter.read().samples == 8


def test_a_shared_batch_is_drawn_once(photos, tmp_path):
    options = {"critic_steps": 3, "share_last_batch": True, "critic_channels": 4}
    trainer = Trainer(small_config(photos, tmp_path, objective__options=options))
    batches = []
    load = trainer.loader
    trainer.loader = (batches.append(batch.sample_numbers) or batch for batch in load)
    before = [weights(module) for module in trainer.modules.values()]
    trainer.step()
    assert np.array_equal(np.concatenate(batches), np.arange(6))
    for old, module in zip(before, trainer.modules.values(), strict=True):
        assert changed(old, module)


def test_updates_are_adam_steps_on_the_gradient_of_the_loss(photos, tmp_path):
    """Against Adam written out: the first step of every weight, from the loss of the same batch."""
    config = small_config(photos, tmp_path, objective__options__adversarial_weight=0.0)
    trainer, again = Trainer(config), Trainer(config)
    before = weights(trainer.network)
    trainer.step()
    loss, _ = again.phases[0].loss(next(again.loader))
    loss.backward()
    for name, parameter in again.network.named_parameters():
        gradient = parameter.grad.numpy()
        step = 1e-4 * gradient / (np.abs(gradient) + 1e-8)
        after = dict(trainer.network.named_parameters())[name].numpy()
        # float32 rounding of the weights themselves
        np.testing.assert_allclose(after, before[name] - step, rtol=0, atol=2e-7)


@pytest.mark.parametrize("share", [False, True])
def test_accumulated_parts_give_the_gradients_of_the_whole_batch(photos, tmp_path, share):
    changes = {"data__batch_size": 4, "objective__options__share_last_batch": share}
    whole = Trainer(small_config(photos, tmp_path, **changes))
    parts = Trainer(small_config(photos, tmp_path, data__accumulate=2, **changes))
    found = []
    for trainer in (whole, parts):
        gradients = []
        for guard in trainer.guards.values():
            guard.allows = lambda tensors, update, kept=gradients, allows=guard.allows: (
                kept.append([t.numpy() for t in tensors]) or allows(tensors, update)
            )
        scalars = trainer.step()
        found.append((gradients, {name: float(value) for name, value in scalars.items()}))
    assert [len(g) for g in found[0][0]] == [len(g) for g in found[1][0]]
    # The first update only: later ones start from weights that differ by rounding.
    for expected, gradient in zip(found[0][0][0], found[1][0][0], strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=2e-5 * np.abs(expected).max())
    assert found[1][1] == pytest.approx(found[0][1], rel=1e-3)


def test_a_batch_that_cannot_be_divided_is_refused(photos, tmp_path):
    with pytest.raises(ConfigError, match="divisible by data.accumulate .* got 4 and 3"):
        Trainer(small_config(photos, tmp_path, data__batch_size=4, data__accumulate=3))


def test_phases_take_part_from_their_start_to_their_stop(photos, tmp_path):
    """As a method that trains in three stages: first one network, then the other, then both."""
    trainer = Trainer(small_config(photos, tmp_path))
    critic, generator = trainer.phases
    trainer.phases = [critic._replace(start=1), generator._replace(stop=1)]
    trainer.phases.append(generator._replace(name="joint", start=2, optimizer="generator"))
    trainer.parameters["joint"] = trainer.parameters["generator"]
    trainer.scales["joint"] = trainer.scales["generator"]
    trainer.guards["joint"] = trainer.guards["generator"]
    keys = [set(trainer.step()) & {"critic", "generator", "joint"} for _ in range(3)]
    assert keys == [{"generator"}, {"critic"}, {"critic", "joint"}]
    drawn = int(next(trainer.loader).sample_numbers[0]) // 2
    assert drawn == 6 == sum(phase.batches_before(3) for phase in trainer.phases)


def test_a_stage_that_trains_the_critic_first_has_a_learning_rate(photos, tmp_path):
    trainer = Trainer(small_config(photos, tmp_path))
    critic, generator = trainer.phases
    trainer.phases = [critic, generator._replace(start=1)]
    trainer.step()
    assert trainer.learning_rate == 1e-4


def test_the_rate_of_the_schedule_is_applied_and_logged(photos, tmp_path):
    schedule = {"kind": "cosine", "warmup": 2}
    changes = {"optimizer__schedule": schedule, "schedule__log_every": 1}
    phases = {"critic": {"learning_rate": 1e-2}}
    trainer = Trainer(small_config(photos, tmp_path, **changes, optimizer__phases=phases))
    trainer.fit()
    rates = [record["lr"] for record in read_metrics(tmp_path)]
    assert rates == pytest.approx([0.5e-4, 1e-4, 1e-4, 0.5e-4])
    assert trainer.optimizers["critic"].get_lr() == pytest.approx(0.5e-2)


def test_the_average_is_scored_and_released_and_the_weights_are_kept(photos, tmp_path, monkeypatch):
    scored = []
    monkeypatch.setattr(
        "ppdeepfill.training.reporter.validate",
        lambda network, *_, **__: scored.append(weights(network)) or {"hole_l1": 0.5, "psnr": 1.0},
    )
    changes = {"data__validation": str(photos), "schedule__average": 0.5}
    trainer = Trainer(small_config(photos, tmp_path, **changes))
    trainer.fit()
    saved = read_checkpoint(tmp_path / "checkpoints" / "iter_00000004")
    for name, tensor in trainer.network.state_dict().items():
        assert np.array_equal(saved.arrays[f"weights/{name}"], tensor.numpy())
        assert np.array_equal(scored[-1][name], saved.generator.weights[name])
        assert not np.array_equal(tensor.numpy(), saved.generator.weights[name])


def test_log_line_has_the_form_that_parsers_know(photos, tmp_path, messages):
    Trainer(small_config(photos, tmp_path)).fit()
    line = next(text for text in messages.messages if text.startswith("[TRAIN]"))
    number = r"-?\d+\.\d+"
    terms = ["critic", "wasserstein", "gradient_penalty"]
    terms += ["generator", "hole_l1", "known_l1", "adversarial"]
    pattern = rf"\[TRAIN\] iter: 2/4, loss: {number}, "
    pattern += "".join(rf"{term}: {number}, " for term in terms)
    pattern += (
        rf"lr: 0\.000100, avg_reader_cost: {number} sec, avg_batch_cost: {number} sec, "
        rf"avg_samples: 6\.0, ips: {number} images/sec, eta: \d\d:\d\d:\d\d"
    )
    assert re.fullmatch(pattern, line)
    assert line.count("loss: ") == 1
    assert line in (tmp_path / "log.txt").read_text()
    record = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[0])
    assert record["type"] == "train"
    assert f"ips: {record['ips']:.2f} images/sec" in line
    assert f"generator: {record['generator']:.4f}" in line
    assert record["avg_samples"] / record["avg_batch_cost"] == pytest.approx(record["ips"])


def test_logged_scalars_are_means_of_all_updates_of_the_interval(photos, tmp_path, monkeypatch):
    trainer = Trainer(small_config(photos, tmp_path, schedule__iterations=2))
    seen = []
    add = trainer.meter.add
    monkeypatch.setattr(
        trainer.meter,
        "add",
        lambda s: (seen.append(float(s["critic"])), add(s)) if "critic" in s else add(s),
    )
    trainer.fit()
    (record,) = read_metrics(tmp_path)
    assert len(seen) == 4  # two iterations of two critic updates
    assert record["critic"] == pytest.approx(np.mean(seen), rel=1e-6)


def test_run_introduces_itself_and_says_what_comes_next(photos, tmp_path, messages):
    changes = {"data__validation": str(photos), "data__validation_images": 2}
    Trainer(small_config(photos, tmp_path, **changes)).fit()
    text = messages.text
    for part in (
        paddle.__version__,
        "base_channels: 4",
        "in generator",
        "in critics",
        "8 for training, 2 for validation",
        "to beat: mean_fill, hole_l1",
        "to beat: telea",
        "[VALIDATE] iter: 2/4, hole_l1: ",
        str(tmp_path / "checkpoints" / "iter_00000004"),
        str(tmp_path / "images"),
        "schedule.iterations=8",
    ):
        assert part in text
    assert (tmp_path / "images" / "iter_00000004.png").is_file()
    assert (tmp_path / "config.yaml").read_text() == small_config(
        photos, tmp_path, **changes
    ).to_yaml()


def test_best_model_is_that_of_the_lowest_hole_l1(photos, tmp_path, monkeypatch):
    validating(monkeypatch, [0.5, 0.3, 0.4, 0.6])
    config = small_config(photos, tmp_path, data__validation=str(photos), schedule__iterations=8)
    Trainer(config).fit()
    assert read_generator(tmp_path / "best_model" / "generator.safetensors").iteration == 4
    newest = read_checkpoint(tmp_path / "checkpoints" / "iter_00000008")
    assert newest.progress["best_score"] == 0.3


def test_bad_updates_are_left_out_and_named(photos, tmp_path, messages):
    trainer = Trainer(small_config(photos, tmp_path, schedule__max_bad_updates=3))
    critic, generator = trainer.phases
    before = weights(critic.trains)
    spoiled = critic._replace(loss=lambda batch: spoil(critic.loss(batch)))
    trainer.phases = [spoiled, generator]
    trainer.step()
    assert not changed(before, critic.trains)
    assert "skipped critic update of iteration 1, samples 2 to 3" in messages.text
    assert "critic" not in trainer.meter.state()
    assert "generator" in trainer.meter.state()


def spoil(outcome):
    loss, terms = outcome
    return loss * float("nan"), terms


def test_too_many_bad_updates_in_a_row_end_the_run(photos, tmp_path):
    config = small_config(photos, tmp_path, schedule__max_bad_updates=3, data__workers=0)
    trainer = Trainer(config)
    step = trainer.step

    def step_that_breaks():
        if trainer.iteration == 2:
            trainer.phases = [
                p._replace(loss=lambda b, p=p: spoil(p.loss(b))) for p in trainer.phases
            ]
        return step()

    trainer.step = step_that_breaks
    with pytest.raises(UserError, match=r"3 updates in a row.*learning_rate"):
        trainer.fit()
    saved = read_checkpoint(tmp_path / "checkpoints" / "iter_00000002")
    assert all(np.isfinite(array).all() for array in saved.arrays.values())
    assert not (tmp_path / "checkpoints" / "iter_00000003").exists()


def test_description_shows_all_and_writes_nothing(photos, tmp_path):
    text = Trainer(small_config(photos, tmp_path / "run")).describe()
    for part in (
        "base_channels: 4",
        "generator.coarse.encoder.first",
        "[4, 5, 5, 5]",
        "critics",
        "image: [2, 3, 32, 32]",
        "mask: [2, 1, 32, 32]",
        "bboxes: [2, 4]",
    ):
        assert part in text
    assert not (tmp_path / "run").exists()


def test_a_batch_larger_than_the_data_is_refused_before_training(photos, tmp_path):
    with pytest.raises(DataError, match="batch"):
        Trainer(small_config(photos, tmp_path, data__batch_size=9))


def test_without_critics_or_visualdl_training_goes_on(photos, tmp_path, monkeypatch, messages):
    monkeypatch.setitem(sys.modules, "visualdl", None)  # importing it fails
    config = small_config(
        photos, tmp_path, objective__options__adversarial_weight=0.0, logging__visualdl=True
    )
    trainer = Trainer(config)
    trainer.fit()
    assert isinstance(trainer.network, DeepFillV1)
    assert "VisualDL is not installed" in messages.text
    assert (tmp_path / "checkpoints" / "iter_00000004").is_dir()


def test_unreadable_images_cost_no_more_than_themselves(tmp_path, caplog):
    photos = write_photos(tmp_path / "photos")
    for number in (0, 2, 5, 7):  # those that would be drawn
        (photos / f"{number}.png").write_bytes(b"")
    validation = write_photos(tmp_path / "validation", count=3)
    (validation / "1.png").write_bytes(b"no image")
    Trainer(small_config(photos, tmp_path / "a", data__validation=str(validation))).fit()
    assert f"skipped unreadable image '1.png' of {validation}" in caplog.text
    assert all(np.isfinite(r["psnr"]) for r in read_metrics(tmp_path / "a") if "psnr" in r)
    Trainer(small_config(photos, tmp_path / "b", schedule__iterations=1)).fit()
    assert not (tmp_path / "b" / "images").exists()


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ({"network__options": {"base_channels": 3}}, "network.options: base_channels must be"),
        ({"objective__options": {"discount": 3.0}}, "objective.options: discount must be"),
    ],
)
def test_an_option_that_its_builder_refuses_is_named(photos, tmp_path, option, expected):
    with pytest.raises(ConfigError, match=expected):
        Trainer(small_config(photos, tmp_path / "run", **option))
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_past_its_goal_says_how_far_it_is(photos, tmp_path, messages):
    Trainer(small_config(photos, tmp_path)).fit()
    Trainer(small_config(photos, tmp_path, schedule__iterations=2)).fit()
    last = messages.messages[-1]
    assert last.startswith("complete: 4 iterations") and "schedule.iterations=8" in last


def test_a_full_disk_while_logging_names_the_path_and_saves_what_is_done(photos, tmp_path):
    trainer = Trainer(small_config(photos, tmp_path, schedule__log_every=3))
    begun = trainer.reporter.start

    def full(*arguments):
        begun(*arguments)
        (tmp_path / "metrics.jsonl").symlink_to("/dev/full")

    trainer.reporter.start = full
    with pytest.raises(OutputError, match="cannot write .*metrics.jsonl: No space left"):
        trainer.fit()
    assert (tmp_path / "checkpoints" / "iter_00000003").is_dir()
