# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Arguments and argument types shared by several verbs."""

import argparse
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

MODEL_PATH = (
    "a generator file, a folder that contains one, the output_dir of a training run, or demo (the "
    "network that ships with the package)"
)
EXAMPLES = "examples:"
LARGEST = 2**31 - 1  # C libraries count with 32-bit integers


class _HelpFormatter(argparse.HelpFormatter):
    """Wraps what is said of a verb, but leaves its examples line by line."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith(EXAMPLES):
            return "\n".join(indent + line for line in text.splitlines())
        return super()._fill_text(text, width, indent)


def add_verb(
    verbs: argparse._SubParsersAction,
    name: str,
    *,
    help: str,
    description: str,
    examples: Sequence[str],
    after: str = "",
    **options: Any,
) -> argparse.ArgumentParser:
    """Add a verb, whose arguments the caller defines.

    Args:
        verbs: of the command.
        name: what is typed.
        help: in the list of verbs.
        description: what it does.
        examples: arguments of useful calls, shown last.
        after: text behind the examples, in its own lines.
        options: others of `ArgumentParser`.
    """
    shown = "\n".join([EXAMPLES, *(f"  ppdeepfill {name} {words}".rstrip() for words in examples)])
    return verbs.add_parser(
        name,
        help=help,
        description=description,
        epilog=f"{shown}\n\n{after}" if after else shown,
        formatter_class=partial(_HelpFormatter, max_help_position=30),
        allow_abbrev=False,
        **options,
    )


def add_model_path(parser: argparse._ActionsContainer) -> None:
    """Add `--model_path`: a network, by default the newest below ./output, else the shipped one."""
    parser.add_argument(
        "--model_path",
        type=Path,
        metavar="PATH",
        help=f"{MODEL_PATH} (default: the newest below ./output, else demo)",
    )


def add_save_dir(parser: argparse._ActionsContainer, default: str, content: str) -> None:
    """Add `--save_dir`: the folder that a verb writes to."""
    parser.add_argument(
        "--save_dir",
        type=Path,
        default=Path(default),
        metavar="DIR",
        help=f"folder for {content} (default: %(default)s)",
    )


def add_device(parser: argparse._ActionsContainer, default: str = "auto") -> None:
    """Add `--device`: where the network runs."""
    parser.add_argument(
        "--device",
        default=default,
        metavar="NAME",
        help="auto, cpu, gpu, gpu:N (also xpu, npu, mlu) (default: %(default)s)",
    )


def add_boolean(
    parser: argparse._ActionsContainer, flag: str, meaning: str, *, default: bool | str = False
) -> None:
    """Add a boolean flag, written as `--flag`, `--flag=True` or `--flag=False`."""
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
    """Return all flags of a parser, to suggest one for a misspelt flag."""
    return [flag for action in parser._actions for flag in action.option_strings]


def boolean(text: str) -> bool:
    """Parse `true` or `false` in upper or lower case."""
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"must be true or false; got {text!r}")
    return text.lower() == "true"


def whole_number(smallest: int) -> Callable[[str], int]:
    """Return an argument type for whole numbers from `smallest` to `LARGEST`."""

    def parse(text: str) -> int:
        number = int(text) if text.strip().isdecimal() and len(text) < 20 else -1
        if not smallest <= number <= LARGEST:
            raise argparse.ArgumentTypeError(
                f"must be a whole number from {smallest} to {LARGEST}; got {text!r}"
            )
        return number

    return parse


def positive_number(text: str) -> float:
    """Parse a finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number above 0; got {text!r}")
    return number


def share(text: str) -> float:
    """Parse a number between 0 and 1."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"must be a number between 0 and 1; got {text!r}")
    return number
