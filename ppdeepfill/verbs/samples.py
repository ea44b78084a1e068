# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The images and holes of a test as arguments of a verb."""

import argparse
from pathlib import Path
from typing import Any

from ppdeepfill.errors import ConfigError
from ppdeepfill.verbs.arguments import add_boolean, share, whole_number


def add_samples(samples: argparse._ArgumentGroup, *, seed: str = "--seed") -> None:
    """Add the arguments; those that are not given do not appear in the result.

    Args:
        samples: where.
        seed: the flag for the seed of the holes.
    """
    at_least_1 = whole_number(1)
    samples.add_argument(
        "--images",
        default=argparse.SUPPRESS,
        metavar="SOURCE",
        help="folder, .flist, .txt, .zip, .tar or bundled:validation (default: bundled:validation)",
    )
    samples.add_argument(
        "--num_images",
        type=at_least_1,
        default=argparse.SUPPRESS,
        metavar="N",
        help="use N evenly spaced images (default: all)",
    )
    samples.add_argument(
        "--image_size",
        type=at_least_1,
        nargs="+",
        default=argparse.SUPPRESS,
        metavar="N",
        help="one number, or height and width (default: as the network was trained, or 256)",
    )
    add_boolean(
        samples,
        "--crop",
        "true: crop the centre of the image; false: resize the whole image (default: true)",
        default=argparse.SUPPRESS,
    )
    samples.add_argument(
        "--masks",
        default=argparse.SUPPRESS,
        metavar="KIND|PATH",
        help="center, rectangle or free_form; a mask file for all images; or a folder, list or "
        "archive of masks named like the images; white marks the hole (default: center)",
    )
    samples.add_argument(
        "--labels",
        dest="label_maps",
        type=Path,
        default=argparse.SUPPRESS,
        metavar="PATH",
        help="for networks guided by the class of each pixel: one label map for all images, or a "
        "folder of label maps, PNG files named like the images (default: none, they decide)",
    )
    samples.add_argument(
        "--hole_size",
        type=at_least_1,
        nargs="+",
        default=argparse.SUPPRESS,
        metavar="N",
        help="hole size for center and rectangle (default: half of --image_size, if given)",
    )
    samples.add_argument(
        "--hole_area",
        type=share,
        nargs=2,
        default=argparse.SUPPRESS,
        metavar=("ABOVE", "UP_TO"),
        help="hole area for free_form, as fractions of the image (default: six ranges up to 0.6, "
        "in turn)",
    )
    samples.add_argument(
        seed,
        dest="seed",
        type=whole_number(0),
        default=argparse.SUPPRESS,
        metavar="N",
        help="seed for rectangle and free_form (default: 0)",
    )


def samples_of(given: dict[str, Any]) -> dict[str, Any]:
    """Arguments as given -> attributes of `ComparisonSettings`; others stay as they are."""
    given = dict(given)
    for key in {"image_size", "hole_size"} & given.keys():
        given[key] = _height_and_width(key, given[key])
    if "hole_area" in given:
        given["areas"] = [tuple(given.pop("hole_area"))]
    return given


def _height_and_width(key: str, sides: list[int]) -> tuple[int, int]:
    if len(sides) > 2:
        raise ConfigError(f"--{key} takes one number or two, height and width; got {len(sides)}")
    return sides[0], sides[-1]
