# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The console command `ppdeepfill VERB ...`.

What a person can mend ends in a message and exit status 2, an interruption in 130.
"""

import argparse
import contextlib
import difflib
import errno
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from ppdeepfill import __version__
from ppdeepfill.config import Config, load_config
from ppdeepfill.config_text import leaves, schema_table
from ppdeepfill.errors import ConfigError, UserError

# Flags that Paddle users know, each another spelling of `-o KEY=VALUE`.
ALIASES = {
    "iters": "schedule.iterations",
    "batch_size": "data.batch_size",
    "learning_rate": "optimizer.learning_rate",
    "save_interval": "schedule.checkpoint_every",
    "log_iters": "schedule.log_every",
    "num_workers": "data.workers",
    "save_dir": "output_dir",
    "resume_model": "resume",
    "do_eval": "schedule.validate",
    "use_vdl": "logging.visualdl",
    "seed": "seed",
    "device": "device",
    "precision": "precision",
    "keep_checkpoint_max": "schedule.keep_checkpoints",
}

_NO_PADDLE = """\
PaddlePaddle is not installed. From the folder of this repository run one of
  pip install -e ".[cpu]"    for the processor
  pip install -e ".[gpu]"    for an NVIDIA card"""

_DISK_ADVICE = {
    errno.ENOSPC: "free some space, or write elsewhere with -o output_dir=FOLDER",
    errno.EDQUOT: "free some space, or write elsewhere with -o output_dir=FOLDER",
    errno.EACCES: "change its permissions, or use another path",
    errno.EPERM: "change its permissions, or use another path",
    errno.EROFS: "write elsewhere with -o output_dir=FOLDER",
    errno.ENOTDIR: "a file is where a folder is needed: move it, or use another path",
    errno.EISDIR: "a folder is where a file is needed: move it, or use another path",
    errno.EEXIST: "a file is where a folder is needed: move it, or use another path",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status.

    Args:
        argv: arguments without the program name; those of the process by default.
    """
    arguments, unknown = _parser().parse_known_args(argv)
    if unknown:
        arguments.parser.error(_unknown_argument(unknown[0], arguments.flags))
    warnings.filterwarnings("ignore", message="No ccache found")  # by paddle, for builders of C++
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")  # its warnings name no file, ours do
    try:
        with _messages_on_stdout():
            arguments.run(arguments)
    except UserError as error:
        return _fail(str(error))
    except ModuleNotFoundError as error:
        if error.name != "paddle":
            raise
        return _fail(_NO_PADDLE)
    except BrokenPipeError:  # of `--dry_run | head`: the reader has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes at its end
        return 141  # what a shell says of a process that SIGPIPE ended
    except OSError as error:
        if error.errno not in _DISK_ADVICE:
            raise
        return _fail(f"{error.filename or 'disk'}: {error.strerror}; {_DISK_ADVICE[error.errno]}")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def _train(arguments: argparse.Namespace) -> None:
    config = load_config(arguments.config or _quickstart(), arguments.overrides)
    from ppdeepfill.trainer import Trainer

    trainer = Trainer(config)
    if arguments.dry_run:
        print(trainer.describe())
    else:
        trainer.fit()


def _attend(arguments: argparse.Namespace) -> None:
    from ppdeepfill.attend import attend

    attend(arguments.image_a, arguments.image_b, arguments.out, offsets=arguments.offsets)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ppdeepfill", description="Image inpainting with Paddle.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    _add_train(verbs)
    _add_attend(verbs)
    return parser


def _add_train(verbs: argparse._SubParsersAction) -> None:
    train = verbs.add_parser(
        "train",
        help="train a network",
        usage="%(prog)s [--config FILE] [-o KEY=VALUE ...] [--dry_run] [alias ...]",
        description="Train a network. Without --config: the quick start, minutes on a laptop.",
        epilog=f"keys of the configuration, their types and defaults:\n{schema_table(Config)}",
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, max_help_position=32),
        allow_abbrev=False,
    )
    train.add_argument(
        "-c", "--config", metavar="FILE", help="a YAML file such as those in configs/"
    )
    train.add_argument(
        "-o",
        dest="overrides",
        action="extend",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="replace values of the configuration, e.g. -o data.batch_size=8 mask.size=64",
    )
    train.add_argument(
        "--dry_run",
        type=_boolean,
        nargs="?",
        const=True,
        default=False,
        metavar="true|false",
        help="show configuration, layers and the shapes of one batch, then stop",
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
    train.set_defaults(run=_train, parser=train, flags=flags)


def _add_attend(verbs: argparse._SubParsersAction) -> None:
    attend = verbs.add_parser(
        "attend",
        help="rebuild one image from the patches of another",
        description="Rebuild image B from the patches of image A by contextual attention.",
        allow_abbrev=False,
    )
    attend.add_argument("image_a", type=Path, metavar="IMAGE_A", help="gives the patches")
    attend.add_argument("image_b", type=Path, metavar="IMAGE_B", help="is rebuilt")
    attend.add_argument("out", type=Path, metavar="OUT", help="the picture to write")
    attend.add_argument(
        "--offsets", type=Path, metavar="FILE", help="picture of where each patch came from"
    )
    attend.set_defaults(run=_attend, parser=attend, flags=["--offsets"])


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"must be true or false; got {text!r}")
    return text.lower() == "true"


def _unknown_argument(argument: str, flags: Sequence[str]) -> str:
    if "-o" in flags and "=" in argument and not argument.startswith("-"):
        return f"unknown argument {argument!r}; to set a key, write -o {argument}"
    near = difflib.get_close_matches(argument.split("=")[0], flags, n=1)
    hint = f"; did you mean {near[0]}?" if near else "; --help lists the known ones"
    return f"unknown argument {argument!r}{hint}"


def _quickstart() -> Path:
    """The configuration for a first try: in the installed package, or in the repository."""
    package = Path(__file__).resolve().parent
    for folder in (package / "configs", package.parent / "configs"):
        if (folder / "quickstart.yaml").is_file():
            return folder / "quickstart.yaml"
    raise ConfigError("this installation holds no quickstart.yaml; say which file: --config FILE")


@contextlib.contextmanager
def _messages_on_stdout() -> Iterator[None]:
    """Plain messages of the package on stdout, and nowhere else: Paddle's root logger echoes."""
    logger = logging.getLogger("ppdeepfill")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name need not fit the terminal
    console = _Console(sys.stdout)
    logger.addHandler(console)
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(console)
        logger.setLevel(level)
        logger.propagate = propagate


class _Console(logging.StreamHandler):
    """A run outlives the reader of its messages, as in `train.py | head`: log.txt has them too."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 logging's name
        if not isinstance(sys.exc_info()[1], BrokenPipeError):
            super().handleError(record)


def _fail(message: str) -> int:
    print(f"ppdeepfill: error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
