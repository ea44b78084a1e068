# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Text that describes a training run, for its log and for --dry_run."""

import os
import platform
import textwrap
from collections.abc import Mapping
from pathlib import Path

import paddle
from paddle import nn

import ppdeepfill
from ppdeepfill import parallel
from ppdeepfill.config import Config
from ppdeepfill.data.batch import Batch
from ppdeepfill.versions import commit

OWN_PHOTOS = (
    "python train.py --config configs/deepfill_v1_places2.yaml -o data.train=/path/to/photos"
)


def dry_run(config: Config, modules: Mapping[str, nn.Layer], batch: Batch) -> str:
    """Return the resolved configuration, the layers and the shapes of one batch."""
    fields = batch._asdict().items()
    shapes = [f"  {name}: {list(value.shape)}" for name, value in fields if value is not None]
    return "\n".join([config.to_yaml(), module_table(modules), "", "one batch", *shapes])


def module_table(modules: Mapping[str, nn.Layer]) -> str:
    """Return a table of all layers with weights: name, kind, weight shape, parameter count."""
    rows = [("layer", "kind", "weight", "parameters")]
    for name, module in modules.items():
        for path, layer in module.named_sublayers(prefix=name):
            own = layer.parameters(include_sublayers=False)
            if own:
                kind, shape = type(layer).__name__, str(list(own[0].shape))
                rows.append((path, kind, shape, f"{sum(int(p.size) for p in own):,}"))
        rows.append((name, "total", "", f"{_parameters(module):,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def introduction(config: Config, modules: Mapping[str, nn.Layer], images: Mapping[str, int]) -> str:
    """Return the start of a log: environment, resolved configuration, counts."""
    build = "CPU" if paddle.version.cuda_version in ("False", False) else "CUDA"
    parameters = (f"{_parameters(module):,} in {name}" for name, module in modules.items())
    revision = commit()
    return "\n".join(
        [
            f"ppdeepfill {ppdeepfill.__version__}" + (f", commit {revision}" if revision else ""),
            f"paddle {paddle.__version__}, built for {build}",
            f"python {platform.python_version()} on {platform.platform()}",
            f"device {paddle.device.get_device()}, {os.cpu_count()} CPU cores, "
            f"{parallel.world_size()} training process(es)",
            "configuration",
            textwrap.indent(config.to_yaml().rstrip(), "  "),
            f"parameters: {', '.join(parameters)}",
            f"images: {', '.join(f'{count:,} for {use}' for use, count in images.items())}",
        ]
    )


def conclusion(config: Config, checkpoint: Path, *, iterations: int) -> str:
    """Return the end of a complete run's log: where the results are, and what to do next."""
    output_dir = Path(config.output_dir)
    lines = [
        f"complete: {iterations} iterations",
        f"  checkpoint: {checkpoint}",
        f"  pictures:   {output_dir / 'images'}",
    ]
    if config.logging.visualdl:
        lines.append(f"  curves:     visualdl --logdir {output_dir / 'vdl'}")
    if config.data.train.startswith("bundled:"):
        lines.append(f"  next:       train on your own photos: {OWN_PHOTOS}")
    else:
        minutes = config.schedule.minutes
        more = f"iterations={2 * iterations}" if minutes is None else f"minutes={2 * minutes:g}"
        longer = f"-o schedule.{more}"
        lines.append(f"  next:       train longer: run the same command with {longer}")
    return "\n".join(lines)


def _parameters(module: nn.Layer) -> int:
    return sum(int(parameter.size) for parameter in module.parameters())
