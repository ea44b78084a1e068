# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_run import small_config, write_photos

from ppdeepfill import parallel
from ppdeepfill.config import load_config
from ppdeepfill.inference.inpainter import Inpainter
from ppdeepfill.networks.kernels.compiled_graphs import paddle_suits
from ppdeepfill.networks.kernels.graph_runs import GraphRuns
from ppdeepfill.training.trainer import Trainer

ROOT = Path(__file__).resolve().parent.parent
FRAGMENTS = """
import ctypes

from ppdeepfill import parallel
from ppdeepfill.parallel import FreedMemory, use_device

use_device("cpu")
libc = ctypes.CDLL("libc.so.6")
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
memory = FreedMemory()
memory.bound()
blocks = [libc.malloc(1 << 20) for _ in range(1000)]
for block in blocks:
    ctypes.memset(block, 1, 1 << 20)
for block in blocks[:-1]:  # the last one keeps the heap from shrinking
    libc.free(block)
print(parallel._resident_bytes())
memory.bound()
print(parallel._resident_bytes())
"""


TENSORS = """
import ctypes

from ppdeepfill.parallel import use_device

use_device("cpu", training=True)
libc = ctypes.CDLL("libc.so.6")
libc.sbrk.restype = libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes, libc.free.argtypes = [ctypes.c_size_t], [ctypes.c_void_p]
def tensor():
    address = ctypes.c_void_p()
    libc.posix_memalign(ctypes.byref(address), ctypes.c_size_t(4096), ctypes.c_size_t(1 << 20))
    return address
tensors = []
for _ in range(201):
    tensors.append(tensor())
    libc.malloc(1500)  # stays
end = libc.sbrk(0)
for address in tensors[:-1:2]:  # every second one, so that what is freed does not become one block
    libc.free(address)
for _ in range(100):
    tensor()
print(libc.sbrk(0) - end)
"""


@pytest.fixture
def grown_by(monkeypatch):
    """Set the resident memory to a list of figures, one for each call; returns what was trimmed."""

    def set_to(figures: list[int]) -> list[int]:
        trims, left = [], iter(figures)
        monkeypatch.setattr(parallel, "_resident_bytes", lambda: next(left))
        monkeypatch.setattr(parallel, "_from_c_library", lambda name: trims.append)
        return trims

    return set_to


@pytest.mark.parametrize(
    ("resident", "trims"),
    [
        ([100] * 9, 0),
        ([100, 110, 120, 125], 0),
        ([100, 126], 1),
        ([100, 126, 90, 112, 113, 80], 2),
        ([100, 1000, 1000, 1000, 1000], 1),  # it needs more now, so that is usual
        ([100, 50, 60, 126], 1),
    ],
)
def test_memory_is_given_back_when_it_has_grown_by_a_quarter(grown_by, resident, trims):
    given_back = grown_by(resident)
    memory = parallel.FreedMemory()
    for _ in resident:
        memory.bound()
    assert len(given_back) == trims


def test_other_systems_keep_their_memory(monkeypatch):
    monkeypatch.setattr(parallel.sys, "platform", "darwin")
    figures = iter([100, 1000])
    monkeypatch.setattr(parallel, "_resident_bytes", lambda: next(figures))
    memory = parallel.FreedMemory()
    memory.bound()
    memory.bound()


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc on Linux keeps freed memory")
def test_freed_blocks_really_go_back():
    before, after = map(int, _printed_by(FRAGMENTS))
    assert before - after > 900 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc on Linux keeps freed memory")
def test_small_blocks_do_not_keep_tensors_apart():
    """Where they lie between tensors, none of the 100 is reused, and the heap grows by 100 MB."""
    (growth,) = map(int, _printed_by(TENSORS))
    assert growth < 10 << 20


def _printed_by(code: str) -> list[str]:
    """The words that a new process prints, without settings of the C library."""
    environment = {key: x for key, x in os.environ.items() if not key.startswith("MALLOC_")}
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.split()


def test_training_and_filling_watch_their_memory(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(parallel.FreedMemory, "bound", lambda self: calls.append(self))
    photos = write_photos(tmp_path / "photos")
    config = small_config(photos, tmp_path / "run", schedule__iterations=3)
    Trainer(config).fit()
    assert len(calls) >= 3
    calls.clear()
    image = np.full([16, 16, 3], 128, np.uint8)
    inpainter = Inpainter.from_checkpoint("demo_small")
    for _ in range(2):
        inpainter(image, np.pad(np.full([4, 4], 255, np.uint8), 6))
    assert len(calls) == 2 and calls[0] is calls[1]


@pytest.mark.slow
@pytest.mark.skipif(not paddle_suits(), reason="this Paddle computes convolutions eagerly only")
def test_training_demo_small_rebuilds_no_graphs(tmp_path, monkeypatch):
    """Every rebuilt graph leaves small blocks in the heap for good."""
    photos = write_photos(tmp_path / "photos")
    changes = {
        "data.train": photos,
        "data.validation": "null",
        "data.workers": 0,
        "device": "cpu",
        "output_dir": tmp_path / "run",
        "schedule.iterations": 3,
        "optimizer.schedule.warmup": 0,
        "optimizer.schedule.cosine_from": 1,
    }
    config = load_config(
        ROOT / "configs" / "deepfill_v1_photos.yaml", [f"{key}={x}" for key, x in changes.items()]
    )
    first_runs, after_iterations = [], []
    run, step = GraphRuns._first_run, Trainer.step

    def counted_run(self, graph, arguments):
        first_runs.append(graph)
        return run(self, graph, arguments)

    def counted_step(self):
        step(self)
        after_iterations.append(len(first_runs))

    monkeypatch.setattr(GraphRuns, "_first_run", counted_run)
    monkeypatch.setattr(Trainer, "step", counted_step)
    Trainer(config).fit()
    assert after_iterations[0] > 0
    assert after_iterations[2] == after_iterations[0]
