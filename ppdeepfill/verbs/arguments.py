# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Arguments and argument types shared by several verbs."""

import argparse
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppdeepfill.errors import DataError

if TYPE_CHECKING:
    from ppdeepfill.segmentation.recognition import Recognition

MODEL_PATH = (
    "a generator file, a folder that contains one, the output_dir of a training run, or demo or "
    "demo_small (networks that ship with the package)"
)
EXAMPLES = "examples:"
LARGEST = 2**31 - 1  # C libraries count with 32-bit integers
RECOGNITION = {  # attribute of Recognition, by argument
    "seg_config": "config",
    "seg_weights": "weights",
    "seg_labels": "labels",
    "fill_gaps": "gaps",
    "seg_limit": "limit",
}


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


def add_recognition(parser: argparse._ActionsContainer, *, without: str) -> None:
    """Add `--seg_config` and others: a PaddleSeg model that finds things by their class.

    Args:
        parser: what they are added to.
        without: the default, in words.
    """
    parser.add_argument(
        "--seg_config",
        type=Path,
        metavar="FILE",
        help=f"YAML file of a PaddleSeg model (default: {without})",
    )
    parser.add_argument(
        "--seg_weights",
        type=Path,
        metavar="FILE",
        help=f"weights of that model, a .pdparams file (default: {without})",
    )
    parser.add_argument(
        "--seg_labels",
        type=Path,
        default=argparse.SUPPRESS,
        metavar="FILE",
        help="names of the classes 0, 1, ..., one per line (default: labels.txt in the "
        "configuration's dataset_root, or those of Cityscapes, PascalVOC and PaddleSeg's data sets "
        "of people)",
    )
    parser.add_argument(
        "--fill_gaps",
        type=whole_number(0),
        default=argparse.SUPPRESS,
        metavar="PX",
        help="known spots that the hole encloses, smaller than this many pixels, become hole, too "
        "(default: 1000)",
    )
    parser.add_argument(
        "--seg_limit",
        type=whole_number(1),
        default=argparse.SUPPRESS,
        metavar="PX",
        help="longest side that the model may see; larger photos are shrunk for it (default: 1024)",
    )


def recognition_flags(arguments: argparse.Namespace) -> list[str]:
    """The arguments of `add_recognition` that were given."""
    given = vars(arguments)
    return [f"--{name}" for name in RECOGNITION if given.get(name) is not None]


def recognition_of(arguments: argparse.Namespace, *, needed_by: str) -> "Recognition":
    """The PaddleSeg model that the arguments name.

    Args:
        arguments: with those of `add_recognition`.
        needed_by: what needs it, for the message.

    Raises:
        DataError: configuration or weights are missing.
    """
    from ppdeepfill.segmentation.recognition import Recognition

    if arguments.seg_config is None or arguments.seg_weights is None:
        raise DataError(
            f"{needed_by} needs --seg_config and --seg_weights, the configuration and the weights "
            "of a PaddleSeg model; none comes with this package"
        )
    given = vars(arguments)
    return Recognition(**{name: given[flag] for flag, name in RECOGNITION.items() if flag in given})


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
