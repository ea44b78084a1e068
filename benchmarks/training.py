# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Rows: one training iteration, 5 critic updates and 1 generator update, and one update of each.

Trains as the PyTorch port does, so that it can be compared with it.
"""

import functools
from pathlib import Path

from benchmarks.row import Call, Row

CONFIG = Path(__file__).resolve().parents[1] / "configs/deepfill_v1_torch.yaml"
BATCH = 4
SIZE, HOLE, CRITIC_STEPS = 256, 128, 5  # as in that configuration


def rows() -> list[Row]:
    updates = [
        Row(
            f"training/{phase}_update",
            functools.partial(_prepare, phase),
            functools.partial(_update_flops, phase),
            items=BATCH,
            quick=phase == "critic",
        )
        for phase in ("critic", "generator")
    ]
    iteration = Row("training/iteration", _prepare, _iteration_flops, items=BATCH * CRITIC_STEPS)
    return [*updates, iteration]


def _update_flops(phase: str) -> int:
    return sum(cost.flops for cost in _updates()[phase])


def _iteration_flops() -> int:
    from ppdeepfill.reproduction.costs import iteration_passes

    passes = iteration_passes(_updates(), CRITIC_STEPS, share_last_batch=True)
    return sum(cost.flops for cost in passes)


def _updates() -> dict:
    from ppdeepfill.reproduction.costs import update_passes

    return update_passes((SIZE, SIZE), (HOLE, HOLE), batch=BATCH, reference="torch")


def _prepare(phase: str | None = None) -> Call:
    """Return a step of the trainer, or of one update of a phase with its own batch."""
    from ppdeepfill.config import load_config
    from ppdeepfill.parallel import use_device
    from ppdeepfill.training.trainer import Trainer

    use_device("cpu", training=True)
    settings = ("data.train=bundled:train", "data.validation=null", "data.workers=0")
    settings += (f"data.batch_size={BATCH}", "device=cpu", "logging.visualdl=false")
    trainer = Trainer(load_config(CONFIG, settings))
    if phase is not None:
        chosen = next(x for x in trainer.phases if x.name == phase)
        trainer.phases = [chosen._replace(repeats=1)]
    return trainer.step
