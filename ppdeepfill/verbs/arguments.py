# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Kinds of argument that several verbs take."""

import argparse
from collections.abc import Callable


def add_boolean(parser: argparse._ActionsContainer, flag: str, meaning: str) -> None:
    """A flag that is false by default: `--flag`, `--flag=True`, `--flag=False`."""
    parser.add_argument(
        flag,
        type=boolean,
        nargs="?",
        const=True,
        default=False,
        metavar="true|false",
        help=meaning,
    )


def boolean(text: str) -> bool:
    """`true` or `false` in any case, as in `--flag=True`."""
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"must be true or false; got {text!r}")
    return text.lower() == "true"


def whole_number(smallest: int) -> Callable[[str], int]:
    """A kind of argument: a whole number of at least `smallest`."""

    def parse(text: str) -> int:
        if not text.strip().isdecimal() or int(text) < smallest:
            raise argparse.ArgumentTypeError(
                f"must be a whole number of at least {smallest}; got {text!r}"
            )
        return int(text)

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
