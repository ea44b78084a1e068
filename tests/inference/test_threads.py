# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""One `Inpainter` in several threads, and in processes forked from its own."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import paddle
import pytest

from ppdeepfill.inference.inpainter import Inpainter
from ppdeepfill.networks import Prediction, build_network

ROOT = Path(__file__).resolve().parents[2]
FORKS = """
import os, signal, sys, threading
sys.path[:0] = ["tests", "tests/inference"]
from test_threads import filler, pictures

fill, images = filler(), pictures()
expected = None

def fork():
    child = os.fork()
    if not child:
        signal.alarm(60)  # ends a child that hangs
        same = expected is None or [fill(image) for image in images[:2]] == expected[:2]
        os._exit(0 if same else 1)
    print(os.waitpid(child, 0)[1], flush=True)

def work():
    while expected and not done:
        for image in images:
            fill(image)

fork()
expected, done = [fill(image) for image in images], False
fork()
thread = threading.Thread(target=work)
thread.start()
for _ in range(4):
    fork()
done = True
thread.join()
fork()
"""


def pictures():
    """Images large enough for compiled graphs, of different sizes, as they come to a server."""
    rng = np.random.default_rng(3)
    return [rng.integers(0, 256, [side, side + 8, 3], dtype=np.uint8) for side in (64, 72, 80)]


def filler():
    """A function from an image to its bytes after its hole was filled."""
    inpainter = Inpainter(build_network("deepfill_v1", base_channels=16))

    def fill(image):
        mask = np.zeros(image.shape[:2], np.uint8)
        mask[20:44, 16:40] = 255
        return inpainter(image, mask).tobytes()

    return fill


def test_several_threads_get_what_one_gets():
    """Also while the first of them compile graphs: nothing has run yet."""
    fill, images = filler(), pictures() * 2
    start = threading.Barrier(3)

    def work(_):
        start.wait()
        return [fill(image) for image in images]

    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(work, range(3)))
    expected = [fill(image) for image in images]
    assert results == [expected] * 3


def test_no_two_threads_are_in_a_network_at_once():
    """Paddle's mode belongs to the process: compiling in one thread crashed others at times."""
    busy, at_once = threading.Lock(), []

    class Watched(paddle.nn.Layer):
        size_multiple = 1

        def forward(self, image, mask):
            at_once.append(not busy.acquire(blocking=False))
            time.sleep(0.01)
            busy.release()
            return Prediction(image)

    inpainter = Inpainter(Watched())
    image, mask = np.zeros([8, 8, 3], np.uint8), np.full([8, 8], 255, np.uint8)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: inpainter(image, mask), range(8)))
    assert at_once == [False] * 8


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_works_after_import_and_use_and_while_another_thread_works():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKS],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.stdout.split() == ["0"] * 7, done.stdout + done.stderr
