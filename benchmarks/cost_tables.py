# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The cost model as Markdown tables, for docs/benchmarks.md."""

from collections.abc import Iterable, Sequence

from benchmarks.inference import SIZES
from ppdeepfill.reproduction.costs import (
    LayerCost,
    generator_layers,
    iteration_passes,
    update_passes,
)
from ppdeepfill.reproduction.counters import Cost
from ppdeepfill.reproduction.gpus import ARITHMETIC, GPUS, TRAFFIC, expected_seconds

TRAINING_SIZE, HOLE, TRAINING_BATCH, CRITIC_STEPS = (256, 256), (128, 128), 48, 5  # configs/


def cost_tables() -> str:
    """Return all tables: one picture, one training iteration, expected times."""
    pictures = {name: generator_layers(size) for name, size in SIZES.items()}
    training = update_passes(TRAINING_SIZE, HOLE, batch=TRAINING_BATCH)
    for name, share in (("iteration", False), ("iteration that shares its last batch", True)):
        training[name] = iteration_passes(training, CRITIC_STEPS, share_last_batch=share)
    return "\n\n".join(
        [
            "One picture, float32, GFLOP and MB:",
            _picture_table(pictures),
            f"One training update of {TRAINING_BATCH} images of 256 x 256:",
            _training_table(training),
            "The row critic includes filling the holes first, the row judging does not: the holes "
            "of a batch shared with the generator\nare filled already.",
            f"Expected times, computed, not measured: each layer runs at {ARITHMETIC:.0%} of the "
            f"published float32 peak or at {TRAFFIC:.0%} of the bandwidth,\n"
            "whichever takes longer:",
            _expected_table(pictures, training["iteration"]),
        ]
    )


def _picture_table(pictures: dict[str, list[LayerCost]]) -> str:
    lines = []
    for name, layers in pictures.items():
        parts = {"coarse": [], "attention": [], "rest of the refinement": []}
        for layer in layers:
            parts[_part(layer.name)].append(layer.forward)
        costs = [_total(part) for part in parts.values()]
        lines.append([name, *map(_amount, [*costs, _total(costs)])])
    return _table([["image", *parts, "whole"], *lines])


def _training_table(training: dict[str, list[Cost]]) -> str:
    lines = [[name, _amount(_total(passes))] for name, passes in training.items()]
    return _table([["update", "GFLOP and MB"], *lines])


def _expected_table(pictures: dict[str, list[LayerCost]], iteration: list[Cost]) -> str:
    work = {name: [x.forward for x in layers] for name, layers in pictures.items()}
    work[f"training iteration, batch {TRAINING_BATCH}"] = iteration
    lines = [[gpu.name, *(_time(expected_seconds(x, gpu)) for x in work.values())] for gpu in GPUS]
    return _table([["card", *work], *lines])


def _part(layer: str) -> str:
    if layer.startswith("coarse"):
        return "coarse"
    return "attention" if layer == "refinement.attention" else "rest of the refinement"


def _total(costs: Iterable[Cost]) -> Cost:
    return sum(costs, Cost())


def _amount(cost: Cost) -> str:
    return f"{cost.flops / 1e9:,.1f}, {cost.bytes / 1e6:,.0f}"


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1e3:.0f} ms"


def _table(lines: Sequence[Sequence[str]]) -> str:
    head, *rest = ("| " + " | ".join(cells) + " |" for cells in lines)
    return "\n".join([head, "|" + "---|" * len(lines[0]), *rest])
