# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`ppdeepfill predict`: fill holes in photos."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ppdeepfill.errors import DataError
from ppdeepfill.verbs.arguments import (
    add_boolean,
    add_device,
    add_model_path,
    add_recognition,
    add_save_dir,
    add_verb,
    flags_of,
    recognition_flags,
    recognition_of,
    whole_number,
)

if TYPE_CHECKING:
    from ppdeepfill.segmentation.removal import Removal

REMOVAL = "a PaddleSeg model, of which configuration and weights are given, says where they are"


def add(verbs: argparse._SubParsersAction) -> None:
    predict = add_verb(
        verbs,
        "predict",
        help="fill holes in photos",
        description="Fill the holes in a photo, or in all photos of a folder. Pixels outside the "
        "holes do not change.",
        examples=[
            "--image_path photo.jpg --mask_path mask.png --model_path demo",
            "--image_path photos --mask_path masks --format png --save_dir filled",
            "--image_path photos --hole_color white --save_attention",
        ],
    )
    photos = predict.add_argument_group("photos")
    photos.add_argument(
        "--image_path",
        type=Path,
        required=True,
        metavar="PATH",
        help="a photo or a folder (required)",
    )
    photos.add_argument(
        "--mask_path",
        type=Path,
        metavar="PATH",
        help="one mask for all photos, or a folder of masks named like the photos "
        "(default: none, then --hole_color says where the hole is)",
    )
    add_save_dir(photos, "output/result", "the results")
    network = predict.add_argument_group("the network")
    add_model_path(network)
    network.add_argument(
        "--labels",
        type=Path,
        metavar="PATH",
        help="for networks guided by the class of each pixel: one label map for all photos, or a "
        "folder of label maps, PNG files named like the photos; 255 lets the network decide "
        "(default: none, the network decides everywhere)",
    )
    add_device(network)
    _add_hole(predict.add_argument_group("the hole"))
    _add_removal(predict.add_argument_group("things to remove", REMOVAL))
    _add_strategy(predict.add_argument_group("how it is filled"))
    _add_results(predict.add_argument_group("the results"))
    predict.set_defaults(run=_run, parser=predict, flags=flags_of(predict))


def _add_hole(hole: argparse._ArgumentGroup) -> None:
    hole.add_argument(
        "--mask_polarity",
        choices=("white", "black"),
        help="which mask colour marks the hole (default: white, with a warning if that is most of "
        "the mask)",
    )
    hole.add_argument(
        "--hole_color",
        metavar="COLOR",
        help="the hole is where the mask (or the photo, without a mask) has this colour: a name, "
        "#RRGGBB or transparent (default: none, the hole is white in the mask)",
    )
    hole.add_argument(
        "--dilate",
        type=whole_number(0),
        default=0,
        metavar="PX",
        help="widen the hole by this many pixels (default: 0)",
    )
    add_boolean(
        hole,
        "--strict",
        "stop, instead of warning, if a mask has another size than its photo or looks wrong "
        "(default: false)",
    )


def _add_removal(removal: argparse._ArgumentGroup) -> None:
    removal.add_argument(
        "--remove",
        nargs="+",
        metavar="CLASS",
        help="take as hole what PaddleSeg recognises as these classes, each a name or a number "
        "(default: none, the hole comes from a mask or a colour)",
    )
    add_recognition(removal, without="none; --remove needs it")


def _add_strategy(how: argparse._ArgumentGroup) -> None:
    how.add_argument(
        "--strategy",
        choices=("auto", "whole", "crop", "resize"),
        default="auto",
        help="give the network the whole photo, a crop around each hole, or the photo shrunk to "
        "--limit (default: auto, which is whole up to --limit and crop above)",
    )
    how.add_argument(
        "--margin",
        type=whole_number(0),
        default=128,
        metavar="PX",
        help="width of the surroundings of a hole in its crop (default: %(default)s)",
    )
    how.add_argument(
        "--limit",
        type=whole_number(0),
        default=768,
        metavar="PX",
        help="longest side that the network may see (default: %(default)s)",
    )
    how.add_argument(
        "--attention_memory",
        type=float,
        default=2.0,
        metavar="GIB",
        help="memory limit of the attention; above it, the attention works in blocks "
        "(default: %(default)s)",
    )
    how.add_argument(
        "--feather",
        type=whole_number(0),
        default=0,
        metavar="PX",
        help="blend colour differences at the edge of the hole over this many pixels inside it "
        "(default: 0, off)",
    )
    how.add_argument(
        "--blend",
        choices=("none", "poisson"),
        default="none",
        help="poisson: shift the colours of the hole to those around it, and keep its structure "
        "(default: none)",
    )


def _add_results(results: argparse._ArgumentGroup) -> None:
    results.add_argument(
        "--format",
        choices=("same", "png"),
        default="same",
        help="file format of the results: that of the photo (a JPEG is compressed again), or PNG "
        "(default: same)",
    )
    add_boolean(
        results,
        "--save_mask",
        "also write NAME_mask.png, the hole as it was filled, in white (default: false)",
    )
    add_boolean(
        results,
        "--save_attention",
        "also write NAME_offsets.png and NAME_borrowed.png, which show where the hole was filled "
        "from (default: false)",
    )


def _run(arguments: argparse.Namespace) -> None:
    from ppdeepfill.inference.predict import predict
    from ppdeepfill.inference.strategies import Strategy
    from ppdeepfill.parallel import use_device
    from ppdeepfill.photos import HoleRule

    use_device(arguments.device, connect=False)  # each process fills its share of the photos
    predict(
        arguments.image_path,
        arguments.mask_path,
        model_path=arguments.model_path,
        save_dir=arguments.save_dir,
        hole_rule=HoleRule(
            arguments.mask_polarity, arguments.hole_color, arguments.dilate, arguments.strict
        ),
        strategy=Strategy(
            arguments.strategy,
            arguments.margin,
            arguments.limit,
            arguments.feather,
            arguments.blend,
        ),
        file_format=arguments.format,
        save_mask=arguments.save_mask,
        save_attention=arguments.save_attention,
        attention_memory=arguments.attention_memory,
        removal=_removal_of(arguments),
        labels=arguments.labels,
    )


def _removal_of(arguments: argparse.Namespace) -> "Removal | None":
    from ppdeepfill.segmentation.removal import Removal

    if arguments.remove is not None:
        return Removal(arguments.remove, recognition_of(arguments, needed_by="--remove"))
    if useless := recognition_flags(arguments):
        raise DataError(f"{useless[0]} goes with --remove CLASS, which is missing")
    return None
