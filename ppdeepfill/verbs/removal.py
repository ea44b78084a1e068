# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Things to remove, found by PaddleSeg, as arguments of a verb."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ppdeepfill.errors import DataError
from ppdeepfill.verbs.arguments import whole_number

if TYPE_CHECKING:
    from ppdeepfill.segmentation.removal import Removal

REMOVAL = "a model of PaddleSeg, of which configuration and weights are given, says where they are"
REMOVAL_OPTIONS = {  # attribute of Removal, by argument
    "seg_config": "config",
    "seg_weights": "weights",
    "seg_labels": "labels",
    "fill_gaps": "gaps",
    "seg_limit": "limit",
}


def add_removal(removal: argparse._ArgumentGroup) -> None:
    """Add the arguments; optional ones that are not given do not appear in the result."""
    removal.add_argument(
        "--remove",
        nargs="+",
        metavar="CLASS",
        help="take as hole what PaddleSeg recognises as these classes, each a name or a number "
        "(default: none, the hole comes from a mask or a colour)",
    )
    removal.add_argument(
        "--seg_config",
        type=Path,
        metavar="FILE",
        help="YAML file of a PaddleSeg model (default: none; --remove needs it)",
    )
    removal.add_argument(
        "--seg_weights",
        type=Path,
        metavar="FILE",
        help="weights of that model, a .pdparams file (default: none; --remove needs it)",
    )
    removal.add_argument(
        "--seg_labels",
        type=Path,
        default=argparse.SUPPRESS,
        metavar="FILE",
        help="names of the classes 0, 1, ..., one per line (default: labels.txt in the "
        "configuration's dataset_root, or those of Cityscapes, PascalVOC and PaddleSeg's data sets "
        "of people)",
    )
    removal.add_argument(
        "--fill_gaps",
        type=whole_number(0),
        default=argparse.SUPPRESS,
        metavar="PX",
        help="known spots that the hole encloses, smaller than this many pixels, become hole, too "
        "(default: 1000)",
    )
    removal.add_argument(
        "--seg_limit",
        type=whole_number(1),
        default=argparse.SUPPRESS,
        metavar="PX",
        help="longest side that the model may see; larger photos are shrunk for it (default: 1024)",
    )


def removal_of(arguments: argparse.Namespace) -> "Removal | None":
    """What to remove, as given; None if nothing.

    Raises:
        DataError: arguments about a model that nothing asks for.
    """
    from ppdeepfill.segmentation.removal import Removal

    given = vars(arguments)
    options = {name: given[flag] for flag, name in REMOVAL_OPTIONS.items() if flag in given}
    if arguments.remove is not None:
        return Removal(classes=arguments.remove, **options)
    useless = [f"--{flag}" for flag in REMOVAL_OPTIONS if given.get(flag) is not None]
    if useless:
        raise DataError(f"{useless[0]} goes with --remove CLASS, which is missing")
    return None
