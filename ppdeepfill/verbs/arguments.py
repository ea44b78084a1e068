# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Arguments, and kinds of argument, that several verbs take."""

import argparse
from collections.abc import Callable
from pathlib import Path

MODEL_PATH = (
    "a generator file, a folder that holds one, the output_dir of a training run, or demo (the "
    "network that comes with the package)"
)
LARGEST = 2**31 - 1  # of whole numbers: what C libraries count with


def add_model_path(parser: argparse._ActionsContainer) -> None:
    """`--model_path`, a network; without it the newest below ./output, or else the shipped one."""
    parser.add_argument(
        "--model_path",
        type=Path,
        metavar="PATH",
        help=f"{MODEL_PATH} (default: the newest below ./output, else demo)",
    )


def add_save_dir(parser: argparse._ActionsContainer, default: str, content: str) -> None:
    """`--save_dir`, the folder for what a verb writes."""
    parser.add_argument(
        "--save_dir",
        type=Path,
        default=Path(default),
        metavar="DIR",
        help=f"folder for {content} (default: %(default)s)",
    )


def add_device(parser: argparse._ActionsContainer, default: str = "auto") -> None:
    """`--device`, where the network runs."""
    parser.add_argument(
        "--device",
        default=default,
        metavar="NAME",
        help="auto, cpu, gpu, gpu:N (also xpu, npu, mlu) (default: %(default)s)",
    )


def add_boolean(
    parser: argparse._ActionsContainer, flag: str, meaning: str, *, default: bool | str = False
) -> None:
    """A flag that may stand alone: `--flag`, `--flag=True`, `--flag=False`."""
    parser.add_argument(
        flag,
        type=boolean,
        nargs="?",
        const=True,
        default=default,
        metavar="true|false",
        help=meaning,
    )


def flags_of(parser: argparse.ArgumentParser) -> list[str]:
    """All flags, for the hint on a misspelt one."""
    return [flag for action in parser._actions for flag in action.option_strings]


def boolean(text: str) -> bool:
    """`true` or `false` in any case, as in `--flag=True`."""
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"must be true or false; got {text!r}")
    return text.lower() == "true"


def whole_number(smallest: int) -> Callable[[str], int]:
    """A kind of argument: a whole number from `smallest` to `LARGEST`."""

    def parse(text: str) -> int:
        number = int(text) if text.strip().isdecimal() and len(text) < 20 else -1
        if not smallest <= number <= LARGEST:
            raise argparse.ArgumentTypeError(
                f"must be a whole number from {smallest} to {LARGEST}; got {text!r}"
            )
        return number

    return parse


def share(text: str) -> float:
    """A number in 0..1."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"must be a number between 0 and 1; got {text!r}")
    return number
