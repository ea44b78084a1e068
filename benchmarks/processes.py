# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Measure the gain from several training processes: python benchmarks/processes.py [PROCESSES].

Every process uses one thread and works on its share of the batch. Efficiency is the time of one
process divided by that of all together, t1 / (n * tn): 100 % is the most that the cores allow. The
fastest iteration counts, since other programs can only slow it down.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

sys.path[0] = str(Path(__file__).resolve().parents[1])

CONFIG = Path(sys.path[0]) / "configs/deepfill_v1_torch.yaml"
RESULT = "BENCHMARK_RESULT"


class Case(NamedTuple):
    """A training run to measure; an iteration is one critic and one generator update."""

    image_size: int
    base_channels: int
    batch_size: int
    iterations: int


CASES = {"small": Case(128, 8, 4, 20), "full": Case(256, 32, 2, 4)}


def main(processes: int = 2) -> None:
    """Measure every case in one process and in several, and print a line per case."""
    print(f"{'training':40} {'1 process':>10} {f'{processes} processes':>12} {'efficiency':>10}")
    for name, case in CASES.items():
        alone, together = _measured(name, 1), _measured(name, processes)
        what = f"{case.image_size} px, {case.base_channels} channels, batch {case.batch_size}"
        efficiency = alone / (processes * together)
        print(f"{what:40} {alone:8.3f} s {together:10.3f} s {efficiency:10.0%}", flush=True)


def _measured(case: str, processes: int) -> float:
    """Return the seconds per iteration of a case."""
    launcher = f"-m paddle.distributed.launch --nproc_per_node {processes} --backend gloo".split()
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "seconds.json"
        start = [*launcher, "--log_dir", folder] if processes > 1 else []
        done = subprocess.run(
            [sys.executable, *start, __file__, case],
            env=os.environ | {"OMP_NUM_THREADS": "1", RESULT: str(result)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"{processes} processes failed:\n{done.stdout}{done.stderr}")
        return min(json.loads(result.read_text()))


def train(case: Case) -> list[float]:
    """Train in this process, or as one of several; return the seconds of each iteration."""
    from ppdeepfill.config import load_config
    from ppdeepfill.training.trainer import Trainer

    settings = [
        "data={train: 'bundled:train', workers: 0}",
        f"data.image_size={case.image_size}",
        f"data.batch_size={case.batch_size}",
        f"mask={{size: {case.image_size // 2}, max_shrink: 0}}",
        f"network.options.base_channels={case.base_channels}",
        f"objective.options.critic_channels={2 * case.base_channels}",
        "objective.options.critic_steps=1",
        "device=cpu",
    ]
    trainer = Trainer(load_config(CONFIG, settings))
    trainer.step()
    return [_seconds(trainer.step) for _ in range(case.iterations)]


def _seconds(step) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def _train_and_report(case: Case) -> None:
    """Run one process; process 0 writes its measurements."""
    from ppdeepfill import parallel

    parallel.use_device("cpu", training=True)
    seconds = train(case)
    if parallel.rank() == 0:
        Path(os.environ[RESULT]).write_text(json.dumps(seconds), encoding="utf-8")


if __name__ == "__main__":
    if RESULT in os.environ:
        _train_and_report(CASES[sys.argv[1]])
    else:
        main(*map(int, sys.argv[1:]))
