# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`ppdeepfill ablate`: train several configurations under one budget, and compare them."""

import argparse
from pathlib import Path

from ppdeepfill.verbs.arguments import (
    add_boolean,
    add_device,
    add_save_dir,
    add_verb,
    flags_of,
    positive_number,
    whole_number,
)
from ppdeepfill.verbs.samples import add_samples, samples_of

DESCRIPTION = """\
Train several configurations under one budget and with the same seeds, test them on the same holes,
and write a table, curves and pictures. After a stop, the same command continues without repeating
finished runs. Before it trains anything, it checks that everything can be trained and tested."""
OF_TRAINING = ("run", "parser", "flags", "configs", "overrides", "seeds", "iterations", "minutes")


def add(verbs: argparse._SubParsersAction) -> None:
    ablate = add_verb(
        verbs,
        "ablate",
        help="train several configurations under one budget, and compare them",
        description=DESCRIPTION,
        examples=[
            "configs/deepfill_v1_photos.yaml configs/glcic.yaml --iterations 2000 --seeds 1 2 3",
            "configs/deepfill_v1_photos.yaml configs/shift_net.yaml --minutes 60 --dry_run",
        ],
    )
    _add_training(ablate)
    samples = ablate.add_argument_group(
        "test", "by default, images, their size and the hole size come from the configurations"
    )
    samples.add_argument(
        "--methods",
        nargs="+",
        default=argparse.SUPPRESS,
        metavar="NAME",
        help="methods without a network in the same table: mean_fill, telea, navier_stokes, "
        "patchmatch (default: none)",
    )
    add_samples(samples, seed="--mask_seed")
    for metric in ("lpips", "fid"):
        samples.add_argument(
            f"--{metric}_weights",
            type=Path,
            default=argparse.SUPPRESS,
            metavar="FILE",
            help=f"weights of {metric.upper()}, see docs/metrics.md (default: without)",
        )
    ablate.set_defaults(run=_run, parser=ablate, flags=flags_of(ablate))


def _add_training(ablate: argparse.ArgumentParser) -> None:
    ablate.add_argument(
        "configs", type=Path, nargs="+", metavar="CONFIG", help="YAML files, one for each method"
    )
    ablate.add_argument(
        "-o",
        dest="overrides",
        action="extend",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="set keys of all configurations, e.g. -o data.train=photos data.batch_size=8 "
        "(default: none)",
    )
    budget = ablate.add_mutually_exclusive_group()
    budget.add_argument(
        "--iterations",
        type=whole_number(1),
        metavar="N",
        help="iterations of each run (default: those of the configurations, if all agree)",
    )
    budget.add_argument(
        "--minutes",
        type=positive_number,
        metavar="M",
        help="minutes of training for each run, not counting validation and checkpoints "
        "(default: no limit)",
    )
    ablate.add_argument(
        "--seeds",
        type=whole_number(0),
        nargs="+",
        default=[],
        metavar="N",
        help="train every configuration with each of these seeds (default: its own seed)",
    )
    add_save_dir(ablate, "output/ablation", "runs and report")
    add_device(ablate)
    add_boolean(
        ablate,
        "--dry_run",
        "say what would run, what is done and how long it takes (default: false)",
    )


def _run(arguments: argparse.Namespace) -> None:
    from ppdeepfill.ablation.ablate import AblationSettings, ablate
    from ppdeepfill.ablation.plan import Budget, load_configs
    from ppdeepfill.parallel import use_device

    given = samples_of({k: v for k, v in vars(arguments).items() if k not in OF_TRAINING})
    device, save_dir, dry_run = (given.pop(key) for key in ("device", "save_dir", "dry_run"))
    configs = load_configs(arguments.configs, arguments.overrides).values()
    deterministic = any(config.deterministic for config in configs)
    use_device(device, training=True, deterministic=deterministic)
    ablate(
        AblationSettings(
            configs=arguments.configs,
            overrides=arguments.overrides,
            budget=Budget(arguments.iterations, arguments.minutes),
            seeds=list(dict.fromkeys(arguments.seeds)),
            test=given,
            save_dir=save_dir,
            device=device,
        ),
        dry_run=dry_run,
    )
