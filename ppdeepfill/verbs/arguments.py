# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Kinds of argument that several verbs take."""

import argparse


def add_boolean(parser: argparse.ArgumentParser, flag: str, meaning: str) -> None:
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
