# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Watch the memory and open files of something that runs for long. Linux only.

    python benchmarks/soak.py predictions --count 10000
    python benchmarks/soak.py service --minutes 60
    python benchmarks/soak.py training --minutes 120
    python benchmarks/soak.py process 4242 --minutes 60

Predictions are of random sizes, with demo_small, in one process. The service is
`ppdeepfill serve`, to which two clients send random photos, every tenth of them damaged. Training
is a small run with workers, validation, pictures and checkpoints. A process is any that runs
already, such as a training of your own.

There are twenty samples. The first half is warm-up, in which caches fill. The command fails if in
the last quarter the process took more memory or more open files than in the third.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

SAMPLES = 20
MEGABYTES = 48  # that the last quarter may have more than the third
FILES = 2
SIDES = (32, 256)  # px, of random photos
ROOT = Path(__file__).resolve().parents[1]


class Sample(NamedTuple):
    """The state of a process.

    Attributes:
        done: share of the whole, 0 to 1.
        megabytes: resident memory.
        files: open files.
    """

    done: float
    megabytes: float
    files: int


def sampled(process: int, done: float) -> Sample:
    """Measure a process, and print it."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    files = len(list(Path(f"/proc/{process}/fd").iterdir()))
    sample = Sample(done, pages * os.sysconf("SC_PAGE_SIZE") / 2**20, files)
    print(f"{done:5.0%}  {sample.megabytes:8.0f} MiB  {files:4d} files", flush=True)
    return sample


def verdict(samples: list[Sample]) -> list[str]:
    """What grew between the third and the last quarter; empty if nothing did."""
    third = [s for s in samples if 0.5 <= s.done < 0.75]
    last = [s for s in samples if s.done >= 0.75]
    if not third or not last:
        return ["too few samples: it ended early"]
    more = max(s.megabytes for s in last) - max(s.megabytes for s in third)
    files = max(s.files for s in last) - max(s.files for s in third)
    grew = [f"memory grew by {more:.0f} MiB"] if more > MEGABYTES else []
    return grew + ([f"{files} more files are open"] if files > FILES else [])


def photo_and_hole(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A photo uint8 [H, W, 3] of random size, and a hole bool [H, W] somewhere within."""
    height, width = rng.integers(*SIDES, size=2)
    hole = np.zeros([height, width], bool)
    sides = rng.integers(4, np.array([height, width]) // 2 + 5)
    top, left = rng.integers(0, np.array([height, width]) - sides)
    hole[top : top + sides[0], left : left + sides[1]] = True
    return rng.integers(0, 256, [height, width, 3], np.uint8), hole


def predictions(count: int) -> list[Sample]:
    """Fill random photos in this process."""
    from ppdeepfill.inference.inpainter import Inpainter
    from ppdeepfill.parallel import use_device

    use_device("cpu")
    inpainter, rng = Inpainter.from_checkpoint("demo_small"), np.random.default_rng(0)
    samples = []
    for number in range(1, count + 1):
        inpainter(*photo_and_hole(rng))
        if number % max(count // SAMPLES, 1) == 0:
            samples.append(sampled(os.getpid(), number / count))
    return samples


def service(minutes: float) -> list[Sample]:
    """Send photos to a service of its own."""
    command = [sys.executable, "-m", "ppdeepfill.cli", "serve", "--port=0", "--device=cpu"]
    with _running(command, stdout=subprocess.PIPE, text=True) as process:
        line = next(line for line in process.stdout if " on http://" in line)
        address = line.split(" on ")[1].strip()
        threading.Thread(target=deque, args=(process.stdout, 0), daemon=True).start()  # its log
        over = threading.Event()
        with ThreadPoolExecutor(2) as pool:
            clients = [pool.submit(_client, address, seed, over) for seed in range(2)]
            try:
                samples = watched(
                    process.pid,
                    minutes,
                    lambda: 1 if any(client.done() for client in clients) else process.poll(),
                )
            finally:
                over.set()
        print(f"{sum(client.result() for client in clients)} requests answered")
    return samples


def _client(address: str, seed: int, over: threading.Event) -> int:
    """Send photos until it is over; returns how many were answered as they should be."""
    import httpx

    rng, answered = np.random.default_rng(seed), 0
    with httpx.Client(base_url=address, timeout=120) as client:
        while not over.is_set():
            photo, hole = photo_and_hole(rng)
            content = _png(photo)
            damaged = rng.random() < 0.1
            files = {"photo": content[: len(content) // 2] if damaged else content}
            answer = client.post("/fill", files=files | {"mask": _png(hole)})
            if answer.status_code != (422 if damaged else 200):
                raise RuntimeError(f"{answer.status_code}: {answer.text[:300]}")
            answered += 1
    return answered


def _png(pixels: np.ndarray) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def training(minutes: float) -> list[Sample]:
    """A small run with everything that a run does; longer than it will be watched."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "train.py", "--config", "configs/quickstart.yaml", "-o"]
        command += ["data.image_size=64", "mask.size=32", "data.batch_size=2", "data.workers=2"]
        command += ["network.options.base_channels=8", "objective.options.critic_channels=8"]
        command += ["schedule.iterations=10000000", "schedule.log_every=20"]
        command += ["schedule.image_every=100", "schedule.validate_every=100"]
        command += ["schedule.checkpoint_every=100", "device=cpu", f"output_dir={folder}/run"]
        with _running(command, stdout=subprocess.DEVNULL) as process:
            return watched(process.pid, minutes, process.poll)


def watched(process: int, minutes: float, ended: Callable[[], int | None]) -> list[Sample]:
    """Sample a process over a time."""
    samples = []
    for number in range(1, SAMPLES + 1):
        time.sleep(minutes * 60 / SAMPLES)
        if ended() is not None:
            break
        samples.append(sampled(process, number / SAMPLES))
    return samples


@contextmanager
def _running(command: list[str], **options) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen(command, cwd=ROOT, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _gone(process: int) -> int | None:
    return None if Path(f"/proc/{process}").exists() else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["predictions", "service", "training", "process"])
    parser.add_argument("process", nargs="?", type=int, help="its number")
    parser.add_argument("--count", type=int, default=10_000, help="predictions (default: 10000)")
    parser.add_argument("--minutes", type=float, default=60, help="for the others (default: 60)")
    arguments = parser.parse_args()
    if arguments.what == "process":
        number = arguments.process
        samples = watched(number, arguments.minutes, lambda: _gone(number))
    elif arguments.what == "predictions":
        samples = predictions(arguments.count)
    else:
        samples = {"service": service, "training": training}[arguments.what](arguments.minutes)
    faults = verdict(samples)
    print("; ".join(faults) or "memory and open files stay")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
