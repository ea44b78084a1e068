# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
from small_run import read_metrics, save_small_network, small_config, write_photos

from ppdeepfill import parallel
from ppdeepfill.deployment.exported import ExportedInpainter
from ppdeepfill.deployment.exporting import export_model
from ppdeepfill.errors import ConfigError, LostProcess
from ppdeepfill.evaluation.compare import compare
from ppdeepfill.evaluation.settings import ComparisonSettings
from ppdeepfill.inference.inpainter import Inpainter
from ppdeepfill.training.trainer import Trainer
from ppdeepfill.weights.checkpoint import read_checkpoint

ROOT = Path(__file__).resolve().parent.parent
LAUNCHER = "-m paddle.distributed.launch --nproc_per_node 2 --backend gloo".split()


def test_one_process_leaves_all_as_it_is():
    tensors = [paddle.to_tensor(3.0), paddle.ones([2, 3])]
    parallel.average_(tensors)
    assert float(tensors[0]) == 3.0
    assert parallel.largest(15) == 15
    assert parallel.gathered(["a", 1]) == ["a", 1]
    assert (parallel.rank(), parallel.world_size()) == (0, 1)


def test_a_mean_goes_back_into_every_tensor(monkeypatch):
    """Two processes, the other one holding the same numbers plus one."""
    monkeypatch.setattr(parallel, "world_size", lambda: 2)
    monkeypatch.setattr(
        parallel.distributed, "all_reduce", lambda flat: flat.set_value(2 * flat + 1)
    )
    layer = paddle.nn.Linear(2, 3)
    layer(paddle.ones([1, 2])).sum().backward()
    scalar, gradient = paddle.to_tensor(5.0), layer.weight.grad
    parallel.average_([scalar, gradient])
    assert float(scalar) == 5.5
    assert (layer.weight.grad.numpy() == 1.5).all()  # the parameter's own gradient
    assert scalar.shape == []


def test_the_largest_number_is_that_of_any_process(monkeypatch):
    """Two processes, the other one with the number 2."""
    monkeypatch.setattr(parallel, "world_size", lambda: 2)
    monkeypatch.setattr(
        parallel.distributed, "all_reduce", lambda x, op: x.set_value(x.clip(min=2))
    )
    assert [parallel.largest(number) for number in (0, 15)] == [2, 15]


def test_every_update_meets_the_other_processes_once(tmp_path, monkeypatch):
    """In one transfer: all gradients and what is logged, with nothing for layers at rest."""
    config = small_config(write_photos(tmp_path / "photos"), tmp_path / "run")
    trainer = Trainer(config)
    sizes = []
    monkeypatch.setattr(parallel, "world_size", lambda: 2)
    monkeypatch.setattr(parallel.distributed, "all_reduce", lambda flat: sizes.append(flat.size))
    trainer.step()
    critics, generator = (
        sum(p.size for p in trainer.parameters[phase]) for phase in ("critic", "generator")
    )
    assert len(sizes) == 3  # two critic updates and one of the generator
    assert critics < sizes[0] == sizes[1] < critics + 20
    assert generator < sizes[2] < generator + 20


def test_a_process_that_is_gone_is_an_error_with_advice(monkeypatch):
    def lose(*_, **__):
        raise RuntimeError("[gloo/transport/tcp/pair.cc:584] TIMEOUT self_rank = 0 pair_rank = 1")

    monkeypatch.setattr(parallel, "world_size", lambda: 2)
    for name in ("all_reduce", "all_gather_object"):
        monkeypatch.setattr(parallel.distributed, name, lose)
    for talk in (
        lambda: parallel.average_([paddle.ones([2])]),
        lambda: parallel.largest(1),
        lambda: parallel.gathered([1]),
    ):
        with pytest.raises(LostProcess, match="process 0 of 2 got no answer.*TIMEOUT"):
            talk()


@pytest.mark.parametrize("deterministic", [False, True])
def test_deterministic_runs_restrict_the_kernels_of_a_gpu(monkeypatch, deterministic):
    flags, devices = [], []
    monkeypatch.setattr(paddle, "set_flags", flags.append)
    monkeypatch.setattr(paddle, "set_device", devices.append)
    monkeypatch.setattr(parallel, "_check_gpu", lambda _: None)
    parallel.use_device("gpu:0", deterministic=deterministic)
    assert flags == [{"FLAGS_cudnn_deterministic": True}] * deterministic
    parallel.use_device("cpu", deterministic=deterministic)  # Paddle for CPUs has no such flag
    assert len(flags) == deterministic and devices == ["gpu:0", "cpu"]


@pytest.mark.parametrize("device", ["gpu", "gpu:3"])
def test_without_support_for_gpus_the_message_says_so(monkeypatch, device):
    monkeypatch.setattr(paddle, "is_compiled_with_cuda", lambda: False)
    with pytest.raises(ConfigError, match=f"'{device}' .* built without GPU support.*; use cpu"):
        parallel.use_device(device)
    parallel.use_device("auto")
    assert paddle.device.get_device() == "cpu"


@pytest.mark.parametrize(("device", "count"), [("gpu:3", 3), ("gpu", 0)])
def test_an_absent_gpu_is_named_with_how_many_there_are(monkeypatch, device, count):
    monkeypatch.setattr(paddle, "is_compiled_with_cuda", lambda: True)
    monkeypatch.setattr(paddle.device.cuda, "device_count", lambda: count)
    with pytest.raises(ConfigError, match=f"device '{device}' .* there are {count} GPUs"):
        parallel.use_device(device)


def test_two_processes_train_as_one(tmp_path):
    photos = write_photos(tmp_path / "photos")
    changes = {
        "data__batch_size": 4,
        "data__validation": str(photos),
        "schedule__log_every": 1,
        "schedule__checkpoint_every": 1,
    }
    one = train(small_config(photos, tmp_path / "one", **changes))
    two = train(small_config(photos, tmp_path / "two", **changes), LAUNCHER)

    # Adam's running means after the first iteration hold the gradients of its updates. They differ
    # by float32 sums in another order: 3e-5 of the largest of a layer was the most.
    assert one.arrays.keys() == two.arrays.keys()
    for name, array in one.arrays.items():
        if "/moment1/" in name:
            error = np.abs(two.arrays[name] - array).max()
            assert error <= 2e-4 * np.abs(array).max() + 1e-8, name

    # Each record is written once, with means over both halves. The bias of a critic's score has a
    # zero gradient but for rounding, which Adam makes a step of 1e-4 in either direction.
    one, two = read_metrics(tmp_path / "one"), read_metrics(tmp_path / "two")
    assert [record.keys() for record in one] == [record.keys() for record in two]
    for ours, theirs in zip(two, one, strict=True):
        for key in ours.keys() - {"type"}:
            assert ours[key] == pytest.approx(theirs[key], rel=1e-4, abs=5e-4), key


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(parallel, "world_size", lambda: 2)
    config = small_config(write_photos(tmp_path / "photos"), tmp_path / "run", data__batch_size=3)
    with pytest.raises(ConfigError, match="divisible by the number of processes, 2; got 3"):
        Trainer(config)


def train(config, launcher=()):
    """Train in a process, or in those of a launcher; returns the first checkpoint."""
    output_dir = Path(config.output_dir)
    file = output_dir.with_suffix(".yaml")
    file.write_text(config.to_yaml())
    command = [sys.executable, *launcher, str(ROOT / "train.py"), "--config", str(file)]
    run = subprocess.run(command, cwd=output_dir.parent, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return read_checkpoint(output_dir / "checkpoints" / "iter_00000001")


@pytest.mark.parametrize(("environment", "threads"), [(None, 6), ("3", None)])
def test_all_cores_are_used_unless_the_environment_says_otherwise(
    monkeypatch, environment, threads
):
    chosen = []
    monkeypatch.setattr(parallel.core, "set_num_threads", chosen.append)
    monkeypatch.setattr(parallel, "_cores", lambda: 6)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if environment:
        monkeypatch.setenv("OMP_NUM_THREADS", environment)
    parallel.use_device("cpu")
    assert chosen == ([] if threads is None else [threads])


def test_only_the_verbs_choose_device_and_threads(tmp_path, monkeypatch):
    """A notebook or a web server keeps its own."""
    chosen = []
    for owner, name in [
        (parallel.core, "set_num_threads"),
        (parallel, "_keep_freed_memory"),
        (paddle, "set_device"),
    ]:
        monkeypatch.setattr(owner, name, lambda *_, name=name: chosen.append(name))
    network = Trainer(small_config(write_photos(tmp_path / "photos"), tmp_path / "run")).network
    image = np.zeros([32, 32, 3], np.uint8)
    Inpainter(network)(image, np.full([32, 32], 255, np.uint8))
    save_small_network(tmp_path / "small")
    export_model(tmp_path / "small", tmp_path / "exported", input_shape=(1, 3, 32, 32))
    ExportedInpainter(tmp_path / "exported")(image, np.full([32, 32], 255, np.uint8))
    compare(ComparisonSettings(methods=["mean_fill"], save_dir=tmp_path / "report"))
    assert not chosen


@pytest.mark.skipif(sys.platform != "linux", reason="of the C library of Linux")
def test_memory_of_freed_tensors_is_used_again():
    program = """
import resource
import paddle
from ppdeepfill import parallel

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        x + 1.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

x = paddle.zeros([1 << 24])
without = faults()
parallel.use_device("cpu")
faults()
print(without, faults())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    without, kept = map(int, done.stdout.split())
    assert kept < 0.1 * without
