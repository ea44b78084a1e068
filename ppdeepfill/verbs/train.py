# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`ppdeepfill train`: train a network."""

import argparse
from functools import partial
from pathlib import Path

from ppdeepfill.config import Config, load_config
from ppdeepfill.config.text import leaves, schema_table
from ppdeepfill.errors import ConfigError
from ppdeepfill.verbs.arguments import add_boolean, add_verb

# Flags that Paddle users know; each is another spelling of `-o KEY=VALUE`.
ALIASES = {
    "iters": "schedule.iterations",
    "batch_size": "data.batch_size",
    "learning_rate": "optimizer.learning_rate",
    "save_interval": "schedule.checkpoint_every",
    "log_iters": "schedule.log_every",
    "num_workers": "data.workers",
    "save_dir": "output_dir",
    "resume_model": "resume",
    "pretrained_model": "initial_weights",
    "do_eval": "schedule.validate",
    "use_vdl": "logging.visualdl",
    "seed": "seed",
    "device": "device",
    "precision": "precision",
    "keep_checkpoint_max": "schedule.keep_checkpoints",
}


def add(verbs: argparse._SubParsersAction) -> None:
    train = add_verb(
        verbs,
        "train",
        help="train a network",
        usage="%(prog)s [--config FILE] [-o KEY=VALUE ...] [--dry_run] [alias ...]",
        description="Train a network. Without --config, runs the quick start: minutes on a laptop.",
        examples=[
            "",
            "-o data.train=photos data.validation=null output_dir=output/photos",
            "--config configs/deepfill_v1_places2.yaml --dry_run",
        ],
        after=f"configuration keys, with type, default and meaning:\n{schema_table(Config)}",
    )
    train.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        help="a YAML file, such as those in configs/ (default: the quick start's)",
    )
    train.add_argument(
        "-o",
        dest="overrides",
        action="extend",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="set configuration keys, e.g. -o data.batch_size=8 mask.size=64",
    )
    add_boolean(
        train,
        "--dry_run",
        "show the configuration, layers and shapes of one batch, then stop (default: false)",
    )
    aliases = train.add_argument_group("aliases", "other spellings of -o KEY=VALUE")
    booleans = {key for key, field in leaves(Config) if field.annotation is bool}
    for flag, key in ALIASES.items():
        form = {"nargs": "?", "const": "true"} if key in booleans else {}
        aliases.add_argument(
            f"--{flag}",
            dest="overrides",
            action="append",
            default=argparse.SUPPRESS,
            type=partial("{}={}".format, key),
            metavar="true|false" if key in booleans else "VALUE",
            help=key,
            **form,
        )
    flags = ["-o", "--config", "--dry_run", *(f"--{flag}" for flag in ALIASES)]
    train.set_defaults(run=_run, parser=train, flags=flags)


def _run(arguments: argparse.Namespace) -> None:
    config = load_config(arguments.config or packaged_config("quickstart"), arguments.overrides)
    from ppdeepfill.parallel import use_device
    from ppdeepfill.training.trainer import Trainer

    use_device(config.device, training=True, deterministic=config.deterministic)
    trainer = Trainer(config)
    if arguments.dry_run:
        print(trainer.describe())
    else:
        trainer.fit()


def packaged_config(name: str) -> Path:
    """Return a configuration from the installed package or the repository."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "configs", package.parent / "configs"):
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    raise ConfigError(f"{name}.yaml is not installed; pass a configuration with --config FILE")
