# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`ppdeepfill predict`: fill the holes of photos."""

import argparse
from pathlib import Path

from ppdeepfill.verbs.arguments import (
    add_boolean,
    add_device,
    add_model_path,
    add_save_dir,
    flags_of,
    whole_number,
)


def add(verbs: argparse._SubParsersAction) -> None:
    predict = verbs.add_parser(
        "predict",
        help="fill the holes of photos",
        description="Fill the holes of a photo, or of all photos in a folder. Pixels outside the "
        "hole stay as they are.",
        allow_abbrev=False,
    )
    predict.add_argument(
        "--image_path", type=Path, required=True, metavar="PATH", help="a photo or a folder"
    )
    predict.add_argument(
        "--mask_path",
        type=Path,
        metavar="PATH",
        help="a mask for all photos, or a folder of masks named like the photos",
    )
    add_model_path(predict)
    add_save_dir(predict, "output/result", "the results")
    add_device(predict)
    _add_hole(predict.add_argument_group("the hole"))
    _add_strategy(predict.add_argument_group("how it is filled"))
    _add_results(predict.add_argument_group("the results"))
    predict.set_defaults(run=_run, parser=predict, flags=flags_of(predict))


def _add_hole(hole: argparse._ArgumentGroup) -> None:
    hole.add_argument(
        "--mask_polarity",
        choices=("white", "black"),
        help="what of the mask is hole (default: white, with a warning if that is most of it)",
    )
    hole.add_argument(
        "--hole_color",
        metavar="COLOR",
        help="the hole is where the mask, or the photo if there is none, has this colour: a name, "
        "#RRGGBB or transparent",
    )
    hole.add_argument(
        "--dilate",
        type=whole_number(0),
        default=0,
        metavar="PX",
        help="widen the hole (default: 0)",
    )
    add_boolean(
        hole,
        "--strict",
        "refuse a mask of another size, or one that looks wrong, instead of warning",
    )


def _add_strategy(how: argparse._ArgumentGroup) -> None:
    how.add_argument(
        "--strategy",
        choices=("auto", "whole", "crop", "resize"),
        default="auto",
        help="the photo as a whole, a crop around each hole, or the photo shrunk (default: whole "
        "up to --limit, crop above)",
    )
    how.add_argument(
        "--margin",
        type=whole_number(0),
        default=128,
        metavar="PX",
        help="surroundings of a hole in its crop (default: %(default)s)",
    )
    how.add_argument(
        "--limit",
        type=whole_number(0),
        default=768,
        metavar="PX",
        help="longest side of what the network sees (default: %(default)s)",
    )
    how.add_argument(
        "--attention_memory",
        type=float,
        default=2.0,
        metavar="GIB",
        help="memory that the attention may use; larger photos go through it in blocks "
        "(default: %(default)s)",
    )
    how.add_argument(
        "--feather",
        type=whole_number(0),
        default=0,
        metavar="PX",
        help="let a difference in colour at the edge fade out inside the hole (default: 0, off)",
    )


def _add_results(results: argparse._ArgumentGroup) -> None:
    results.add_argument(
        "--format",
        choices=("same", "png"),
        default="same",
        help="of the results: as the photo (JPEG is compressed anew), or PNG (default: same)",
    )
    add_boolean(
        results,
        "--save_attention",
        "also draw NAME_offsets.png and NAME_borrowed.png: where the hole was filled from",
    )


def _run(arguments: argparse.Namespace) -> None:
    from ppdeepfill.inference.predict import predict
    from ppdeepfill.inference.strategies import Strategy
    from ppdeepfill.parallel import use_device
    from ppdeepfill.photos import HoleRule

    use_device(arguments.device)
    predict(
        arguments.image_path,
        arguments.mask_path,
        model_path=arguments.model_path,
        save_dir=arguments.save_dir,
        hole_rule=HoleRule(
            arguments.mask_polarity, arguments.hole_color, arguments.dilate, arguments.strict
        ),
        strategy=Strategy(arguments.strategy, arguments.margin, arguments.limit, arguments.feather),
        file_format=arguments.format,
        save_attention=arguments.save_attention,
        attention_memory=arguments.attention_memory,
    )
