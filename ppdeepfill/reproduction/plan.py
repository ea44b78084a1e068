# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Describe a full run before it starts: images, memory, time, and what to expect on the way."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from ppdeepfill.config import Config
from ppdeepfill.reproduction.costs import iteration_passes, update_passes
from ppdeepfill.reproduction.gpus import ARITHMETIC, GPUS, TRAFFIC, expected_seconds
from ppdeepfill.reproduction.memory import Need, needed
from ppdeepfill.reproduction.milestones import ADVICE, milestones
from ppdeepfill.reproduction.places2 import Checked

PORT_HOURS = "the PyTorch port reports about 150 hours for 430,000 iterations of 48 images"


def describe_images(found: Mapping[str, Checked | None], advice: Mapping[str, str]) -> str:
    """Describe the images of each part of the dataset, or how to get them."""
    lines = ["images"]
    for part, checked in found.items():
        if checked is None:
            lines.append(f"  {part}: not found; {advice[part]}")
            continue
        lines.append(
            f"  {part}: {checked.spec}, {checked.count:,} images; {checked.sample} read, shortest "
            f"side {checked.smallest} px"
        )
        lines += [f"    note: {note}" for note in checked.notes]
    return "\n".join(lines)


def describe_memory(config: Config, device: str, memory: float | None, need: Need) -> str:
    """Say into how many parts each batch is split, and why."""
    batch, parts = config.data.batch_size, config.data.accumulate
    known = f"{memory:.1f} GiB" if memory is not None else "memory unknown, see --memory"
    share = needed(need, batch // parts)
    return (
        f"memory\n  {device}, {known}; batches of {batch} in {parts} part(s) of {batch // parts} "
        f"images, about {share:.1f} GiB (data.accumulate={parts}, the same gradients)\n"
        "  computed from measurements on a CPU, not measured on a GPU; if it does not fit, try a "
        "smaller --memory"
    )


def describe_time(config: Config) -> str:
    """Say how many days common cards should take, according to the cost model."""
    height, width = config.data.image_size
    options = config.objective.options
    updates = update_passes((height, width), tuple(config.mask.size), batch=config.data.batch_size)
    passes = iteration_passes(
        updates,
        options.get("critic_steps", 5),
        share_last_batch=options.get("share_last_batch", False),
    )
    iterations = config.schedule.iterations
    flops = sum(cost.flops for cost in passes)
    lines = [
        f"time of {iterations:,} iterations, {flops / 1e12:.1f} TFLOP each",
        f"  computed, not measured, in float32: {ARITHMETIC:.0%} of a card's published peak or "
        f"{TRAFFIC:.0%} of its bandwidth, whichever takes longer in each layer",
    ]
    for gpu in GPUS:
        seconds = expected_seconds(passes, gpu)
        hours = seconds * iterations / 3600
        lines.append(
            f"  {gpu.name:<12}{seconds:6.1f} s per iteration {hours:8,.0f} hours, "
            f"{hours / 24:,.0f} days"
        )
    return "\n".join([*lines, f"  for comparison, {PORT_HOURS}"])


def describe_milestones() -> str:
    """Say what other runs reached, with sources, and what to do if this one does not."""
    lines = ["milestones of similar runs, each under its own conditions"]
    for milestone in milestones():
        lines.append(f"  {milestone.when}: {milestone.what}\n    ({milestone.source})")
    return "\n".join([*lines, "if it goes wrong", *(f"  {advice}" for advice in ADVICE)])


def describe_command(recipe: Path, overrides: Sequence[str]) -> str:
    """Give the equivalent train commands, for one card and for several."""
    arguments = shlex.join(["--config", str(recipe), "-o", *overrides])
    return (
        f"the same by hand\n  ppdeepfill train {arguments}\n"
        "  on several cards, which share each batch (so fewer parts may be enough):\n"
        f"  python -m paddle.distributed.launch --gpus=0,1 train.py {arguments}"
    )
