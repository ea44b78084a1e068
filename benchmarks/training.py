# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Rows: one training iteration, 5 critic updates and 1 generator update, and one update of each.

The method of the PyTorch port, so that programs are compared that do the same.
"""

import functools
from pathlib import Path

from benchmarks.row import Call, Row

CONFIG = Path(__file__).resolve().parents[1] / "configs/deepfill_v1_torch.yaml"
BATCH = 4
SIZE, HOLE, CRITIC_STEPS = 256, 128, 5  # of that configuration


def rows() -> list[Row]:
    return [
        Row(
            f"training/{name}",
            functools.partial(_prepare, phases),
            functools.partial(_flops, phases),
            items=BATCH * sum(phases.values()),
            quick=name == "critic_update",
        )
        for name, phases in (
            ("critic_update", {"critic": 1}),
            ("generator_update", {"generator": 1}),
            ("iteration", {"critic": CRITIC_STEPS, "generator": 1}),
        )
    ]


def _flops(phases: dict[str, int]) -> int:
    from benchmarks.costs import update_passes

    passes = update_passes((SIZE, SIZE), (HOLE, HOLE), batch=BATCH, reference="torch")
    return sum(repeats * cost.flops for name, repeats in phases.items() for cost in passes[name])


def _prepare(phases: dict[str, int]) -> Call:
    """A step of the trainer with only these phases."""
    from ppdeepfill.config import load_config
    from ppdeepfill.trainer import Trainer

    settings = ("data.train=bundled:train", "data.validation=null", "data.workers=0")
    settings += (f"data.batch_size={BATCH}", "device=cpu", "logging.visualdl=false")
    trainer = Trainer(load_config(CONFIG, settings))
    trainer.phases = [
        phase._replace(repeats=phases[phase.name])
        for phase in trainer.phases
        if phase.name in phases
    ]
    return trainer.step
