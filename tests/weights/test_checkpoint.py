# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import errno
import logging
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import paddle
import pytest
from safetensors.numpy import save_file

from ppdeepfill.errors import CheckpointError
from ppdeepfill.networks import build_network
from ppdeepfill.training.state import layer_arrays
from ppdeepfill.weights.checkpoint import (
    Checkpoint,
    checkpoint_folders,
    newest_checkpoint,
    read_checkpoint,
    remove_leftovers,
    save_best,
    save_checkpoint,
)
from ppdeepfill.weights.finding import load_generator, newest_run, runs
from ppdeepfill.weights.generator_file import (
    Generator,
    load_weights,
    read_generator,
    write_generator,
)

FILES = ("generator.safetensors", "training.safetensors")


@pytest.fixture(scope="module")
def network():
    return build_network("deepfill_v1", base_channels=4)


def generator_at(iteration, network):
    return Generator("deepfill_v1", {"base_channels": 4}, iteration, layer_arrays(network))


def checkpoint_at(iteration, network):
    arrays = {
        "modules/critics/w": np.float32([[1.5, -0.0], [3e-39, np.pi]]),  # also a denormal number
        "optimizers/critic/beta1_pow_acc/w": np.float32([0.1]),
        "optimizers/critic/scalar": np.array(iteration, np.int64),
    }
    progress = {"best_score": 0.1 + 0.2, "interval": {"loss": [1 / 3, 2]}}
    return Checkpoint(generator_at(iteration, network), arrays, progress, {"seed": 1})


def save(output_dir, iteration, network, keep=5):
    return save_checkpoint(output_dir, checkpoint_at(iteration, network), keep=keep)


def test_round_trip_is_exact(tmp_path, network):
    folder = save(tmp_path, 12, network)
    assert folder == tmp_path / "checkpoints" / "iter_00000012"
    assert sorted(file.name for file in folder.iterdir()) == sorted(FILES)
    saved, read = checkpoint_at(12, network), read_checkpoint(folder)
    assert (read.progress, read.config) == (saved.progress, saved.config)
    assert read.generator[:3] == ("deepfill_v1", {"base_channels": 4}, 12)
    for expected, found in [
        (saved.arrays, read.arrays),
        (saved.generator.weights, read.generator.weights),
    ]:
        assert expected.keys() == found.keys()
        for name, array in expected.items():
            assert (array.dtype, array.shape) == (found[name].dtype, found[name].shape)
            assert array.tobytes() == found[name].tobytes()


def test_equal_states_give_equal_bytes(tmp_path, network):
    a, b = save(tmp_path / "a", 3, network), save(tmp_path / "b", 3, network)
    for name in FILES:
        assert (a / name).read_bytes() == (b / name).read_bytes()


def test_the_last_checkpoints_and_the_best_model_are_kept(tmp_path, network):
    save_best(tmp_path, generator_at(1, network))
    for iteration in (1, 2, 3, 4):
        save(tmp_path, iteration, network, keep=2)
    assert [f.name for f in checkpoint_folders(tmp_path)] == ["iter_00000003", "iter_00000004"]
    assert (tmp_path / "best_model" / "generator.safetensors").is_file()


def test_an_incomplete_later_checkpoint_does_not_displace_the_one_just_saved(tmp_path, network):
    (tmp_path / "checkpoints" / "iter_00000009").mkdir(parents=True)
    save(tmp_path, 3, network, keep=1)
    save(tmp_path, 4, network, keep=1)
    assert newest_checkpoint(tmp_path).folder.name == "iter_00000004"


def test_nobody_finds_a_part_of_a_checkpoint_that_is_being_removed(tmp_path, network, monkeypatch):
    rmtree = shutil.rmtree

    def remove_and_look(path, **options):
        for file in Path(path).iterdir():
            file.unlink()
            assert all(read_checkpoint(folder) for folder in checkpoint_folders(tmp_path))
        rmtree(path, **options)

    monkeypatch.setattr(shutil, "rmtree", remove_and_look)
    for iteration in (1, 2, 3):
        save(tmp_path, iteration, network, keep=1)
    assert [f.name for f in (tmp_path / "checkpoints").iterdir()] == ["iter_00000003"]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", ["absent", "empty", "cut", "other", "changed"])
def test_a_damaged_newest_checkpoint_is_passed_over(tmp_path, network, file, damage, caplog):
    save(tmp_path, 1, network)
    path = save(tmp_path, 2, network) / file
    content = path.read_bytes()
    if damage == "absent":
        path.unlink()
    else:
        changed = content[:-7] + bytes([content[-7] ^ 1]) + content[-6:]  # one bit of one number
        other = b"PK\x03\x04" * 99
        damaged = {"empty": b"", "cut": content[:-1], "other": other, "changed": changed}
        path.write_bytes(damaged[damage])
    with caplog.at_level(logging.WARNING):
        assert newest_checkpoint(tmp_path).folder.name == "iter_00000001"
    assert str(path) in caplog.text
    with pytest.raises(CheckpointError, match=file):
        read_checkpoint(path.parent)


def test_without_checkpoints_there_is_no_newest(tmp_path):
    assert newest_checkpoint(tmp_path) is None
    assert newest_checkpoint(tmp_path / "absent") is None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_failing_disk_leaves_earlier_checkpoints_alone(tmp_path, network, monkeypatch, number):
    save(tmp_path, 1, network, keep=1)
    write_bytes = Path.write_bytes

    def fail_at_the_second_file(path, content):
        if path.name == "training.safetensors":
            write_bytes(path, content[:100])
            raise OSError(number, os.strerror(number))
        write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", fail_at_the_second_file)
    with pytest.raises(CheckpointError, match=f"{os.strerror(number)}.*untouched"):
        save(tmp_path, 2, network, keep=1)
    assert [f.name for f in (tmp_path / "checkpoints").iterdir()] == ["iter_00000001"]
    assert newest_checkpoint(tmp_path).folder.name == "iter_00000001"


def test_leftovers_of_a_killed_writer_are_no_checkpoints_and_go(tmp_path, network):
    folder = save(tmp_path, 1, network)
    leftover = folder.with_name(".partial-iter_00000002")
    leftover.mkdir()
    (leftover / "generator.safetensors").write_bytes(b"half")
    best = save_best(tmp_path, generator_at(1, network))
    best.with_name(".partial-generator.safetensors").write_bytes(b"half")
    assert checkpoint_folders(tmp_path) == [folder]
    remove_leftovers(tmp_path)
    assert not list(tmp_path.rglob(".partial*"))
    assert newest_checkpoint(tmp_path).folder == folder


def test_a_checkpoint_can_be_written_again(tmp_path, network):
    save(tmp_path, 1, network)
    folder = save(tmp_path, 1, network)
    assert read_checkpoint(folder).generator.iteration == 1
    assert [f.name for f in (tmp_path / "checkpoints").iterdir()] == ["iter_00000001"]


def test_a_generator_loads_from_every_place_that_holds_one(tmp_path, network):
    folder = save(tmp_path, 5, network)
    assert_equal(load_generator(tmp_path), network)  # no best model: the newest
    best = build_network("deepfill_v1", base_channels=4)
    best_file = save_best(tmp_path, generator_at(3, best))
    for path, expected in [
        (folder / "generator.safetensors", network),
        (folder, network),
        (best_file, best),
        (str(best_file.parent), best),
        (tmp_path, best),  # an output_dir stands for its best model
    ]:
        assert_equal(load_generator(path), expected)


def assert_equal(found, expected):
    found, expected = layer_arrays(found), layer_arrays(expected)
    assert found.keys() == expected.keys()
    assert all((found[name] == expected[name]).all() for name in expected)


def test_what_holds_no_generator_is_refused(tmp_path, network):
    folder = save(tmp_path, 5, network)
    foreign, text = tmp_path / "foreign.safetensors", tmp_path / "notes.txt"
    save_file({"w": np.zeros(3)}, foreign)
    text.write_text("hello")
    for path, words in [
        (tmp_path / "absent", "no generator.safetensors at"),
        (foreign, "was not written by ppdeepfill"),
        (text, "not a weight file"),
        (folder / "training.safetensors", "contains no generator"),
    ]:
        with pytest.raises(CheckpointError, match=words):
            load_generator(path)


def test_weights_of_another_network_are_refused_by_name(network):
    weights = layer_arrays(network)
    key = next(iter(weights))
    wrong = {k: v for k, v in weights.items() if k != key}
    other = next(iter(wrong))
    wrong |= {"extra.weight": np.zeros(2, np.float32), other: np.zeros([1, 2], np.float32)}
    before = layer_arrays(network)
    with pytest.raises(CheckpointError) as error:
        load_weights(network, wrong, source="file")
    for words in (f"missing {key}", "unexpected extra.weight", f"{other} is [1, 2], expected"):
        assert words in str(error.value)
    assert all((tensor.numpy() == before[k]).all() for k, tensor in network.state_dict().items())


def test_weights_take_the_dtype_of_their_layer(network):
    weights = {name: array.astype(np.float16) for name, array in layer_arrays(network).items()}
    load_weights(network, weights, source="a file of half the size")
    for name, array in layer_arrays(network).items():
        assert array.dtype == np.float32 and (array == weights[name]).all()


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("touched"),)


def test_reading_runs_no_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("generator.safetensors", "generator.pdparams"):
        Path(name).write_bytes(pickle.dumps({"w": Evil()}))
        with pytest.raises(CheckpointError, match="pathlib.*[Nn]one of it was run"):
            load_generator(name)
    assert not Path("touched").exists()


def test_a_network_of_another_width_is_told_in_a_few_lines():
    weights = layer_arrays(build_network("deepfill_v1", base_channels=2))
    with pytest.raises(CheckpointError, match="and [0-9]+ more$") as error:
        load_weights(build_network("deepfill_v1", base_channels=4), weights, source="this.file")
    assert len(str(error.value).splitlines()) < 10


def test_a_generator_can_be_kept_as_pdparams(tmp_path, network):
    path = tmp_path / "deepfill.pdparams"
    write_generator(path, generator_at(7, network))
    assert_equal(load_generator(path), network)
    assert read_generator(path)[:3] == ("deepfill_v1", {"base_channels": 4}, 7)
    other = build_network("deepfill_v1", base_channels=4)
    other.set_state_dict(paddle.load(str(path)))
    assert_equal(other, network)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"network": "deepfill_v9"}, "unknown network 'deepfill_v9'"),
        ({"network": 5}, "does not describe its network"),
        ({"options": {"base_channels": 2_000_000}}, "does not fit this network"),
        ({"options": {"base_channels": "wide"}}, "is not for a network"),
        ({"options": {"colour": 1}}, "no option 'colour'"),
        ({"options": []}, "does not describe its network"),
        ({"iteration": -1}, "does not describe its network"),
    ],
)
def test_a_wrong_description_is_refused_before_memory_is_taken(tmp_path, network, change, words):
    path = tmp_path / "generator.safetensors"
    write_generator(path, generator_at(1, network)._replace(**change))
    with pytest.raises(CheckpointError, match=words):
        load_generator(path)


@pytest.mark.parametrize("text", ["", "[1", "[]", "{}", "[" * 100_000])
def test_an_unreadable_description_is_refused(tmp_path, text):
    path = tmp_path / "generator.safetensors"
    save_file({"w": np.zeros(3)}, path, metadata={"ppdeepfill": text})
    with pytest.raises(CheckpointError, match="is damaged"):
        load_generator(path)


def test_the_newest_run_is_the_one_whose_generator_was_written_last(tmp_path, network):
    for age, name in enumerate(("a", "sub/b", "c")):
        folder = save(tmp_path / name, 1, network)
        os.utime(folder / "generator.safetensors", (1000 + age, 1000 + age))
    assert newest_run(tmp_path) == tmp_path / "c"
    best = save_best(tmp_path / "sub" / "b", generator_at(1, network))
    os.utime(best, (2000, 2000))
    assert runs(tmp_path) == [tmp_path / "sub" / "b", tmp_path / "c", tmp_path / "a"]
    assert newest_run(tmp_path) == tmp_path / "sub" / "b"


def test_without_a_run_there_is_no_newest(tmp_path):
    assert newest_run(tmp_path / "missing") is None
    assert runs(tmp_path / "missing") == []
