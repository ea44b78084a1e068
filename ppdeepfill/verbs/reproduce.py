# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`ppdeepfill reproduce`: check what a full run of the paper needs, then make it."""

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from ppdeepfill.config import load_config
from ppdeepfill.errors import DataError
from ppdeepfill.verbs.arguments import (
    add_boolean,
    add_device,
    add_save_dir,
    add_verb,
    flags_of,
    whole_number,
)
from ppdeepfill.verbs.train import packaged_config

if TYPE_CHECKING:
    from ppdeepfill.reproduction.places2 import Checked

RECIPES = {"places2": "deepfill_v1_places2"}
DESCRIPTION = """\
Check what a full run of the paper needs, say what to expect, and run it. Finds the archives, reads
a sample of their images, splits batches to fit into memory, and computes the hours that common GPUs
need. The same command continues a run that was stopped."""

logger = logging.getLogger(__name__)


def add(verbs: argparse._SubParsersAction) -> None:
    reproduce = add_verb(
        verbs,
        "reproduce",
        help="check what a full run of the paper needs, then run it",
        description=DESCRIPTION,
        examples=[
            "places2 --data data/places2 --dry_run",
            "places2 --train data_large.zip --validation val_large.zip",
        ],
    )
    data = reproduce.add_argument_group("data")
    data.add_argument("recipe", choices=tuple(RECIPES), help="name of the dataset")
    data.add_argument(
        "--data",
        type=Path,
        default=Path("data/places2"),
        metavar="DIR",
        help="folder with the archives, packed or unpacked (default: %(default)s)",
    )
    for part in ("train", "validation"):
        data.add_argument(
            f"--{part}",
            metavar="SOURCE",
            help="a folder, list or archive of images, instead of those found in --data "
            "(default: those found)",
        )
    data.add_argument(
        "--sample",
        type=whole_number(1),
        default=200,
        metavar="N",
        help="number of images to read from each part (default: %(default)s)",
    )
    run = reproduce.add_argument_group("the run")
    add_save_dir(run, "output/deepfill_v1_places2", "the run")
    add_device(run)
    run.add_argument(
        "--memory",
        type=float,
        metavar="GIB",
        help="memory of the device (default: ask the device)",
    )
    add_boolean(run, "--dry_run", "check and report, but do not train (default: false)")
    reproduce.set_defaults(run=_run, parser=reproduce, flags=flags_of(reproduce))


def _run(arguments: argparse.Namespace) -> None:
    import paddle

    from ppdeepfill.parallel import use_device
    from ppdeepfill.reproduction import memory, places2, plan

    use_device(arguments.device)
    device = paddle.device.get_device()
    available = arguments.memory or memory.available_memory(device)
    need = memory.ON_CPU if device == "cpu" and not arguments.memory else memory.ON_GPU
    file = packaged_config(RECIPES[arguments.recipe])
    recipe = load_config(file)
    found = {
        part: _check_part(arguments, part, recipe.data.image_size) for part in places2.ARCHIVES
    }
    parts = memory.parts_for(available, need, recipe.data.batch_size)
    train, validation = found.values()
    overrides = [
        f"data.train={train.spec if train else recipe.data.train}",
        f"data.validation={validation.spec if validation else 'null'}",
        f"data.accumulate={parts}",
        f"output_dir={arguments.save_dir}",
        f"device={arguments.device}",
    ]
    config = load_config(file, overrides)
    for text in (
        plan.describe_images(found, {part: places2.missing(part) for part in found}),
        plan.describe_memory(config, "--memory" if arguments.memory else device, available, need),
        plan.describe_time(config),
        plan.describe_milestones(),
        plan.describe_command(file, overrides),
    ):
        logger.info("%s\n", text)
    if arguments.dry_run:
        return
    if train is None:
        raise DataError(f"no images to train with below {arguments.data}; see above")
    from ppdeepfill.training.trainer import Trainer

    Trainer(config).fit()


def _check_part(
    arguments: argparse.Namespace, part: str, image_size: tuple[int, int]
) -> "Checked | None":
    """Check a part of the dataset; None if it is neither given nor found."""
    from ppdeepfill.data import open_source
    from ppdeepfill.reproduction import places2

    spec = getattr(arguments, part) or places2.find(arguments.data, part)
    if spec is None:
        return None
    source = open_source(str(spec), index_dir=arguments.save_dir)
    return places2.check(source, part, sample=arguments.sample, image_size=max(image_size))
