# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`ppdeepfill convert`: convert weights from other implementations to our format."""

import argparse
import logging
from pathlib import Path

from ppdeepfill.verbs.arguments import add_boolean, add_verb, flags_of, share

logger = logging.getLogger(__name__)


def add(verbs: argparse._SubParsersAction) -> None:
    convert = add_verb(
        verbs,
        "convert",
        help="convert weights from another implementation",
        description="Convert published weights, such as those of the authors' TensorFlow code or "
        "of the PyTorch port, to our format, or convert between .pdparams and .safetensors. "
        "Reading weights never runs code from them.",
        examples=[
            "--from tensorflow model_logs/release_places2_256 weights/places2",
            "--from torch hole_benchmark weights/imagenet",
            "--from paddle output/quickstart quickstart.pdparams",
        ],
    )
    convert.add_argument(
        "--from",
        dest="origin",
        choices=("tensorflow", "torch", "paddle", "rfr", "partial_conv", "glcic", "shift_net"),
        required=True,
        help="where the weights come from: tensorflow for the authors' (also for the port's copy "
        "of them), torch for the port's, paddle for files of this package, rfr for RFR's authors', "
        "partial_conv for a U-Net of partial convolutions, glcic for the completion network of "
        "GLCIC's PyTorch port, shift_net for Shift-Net's authors'",
    )
    convert.add_argument(
        "source",
        type=Path,
        metavar="SRC",
        help="folder or prefix of a checkpoint, or a .pt, .p, .npz, .pdparams or .safetensors file",
    )
    convert.add_argument(
        "destination",
        type=Path,
        metavar="DST",
        help="a .safetensors or .pdparams file, or a new folder, which also keeps the critics",
    )
    convert.add_argument(
        "--network",
        metavar="NAME",
        help="deepfill_v1 or deepfill_v1_torch, for Paddle files that do not name their network "
        "(default: as the file says)",
    )
    convert.add_argument(
        "--mean_color",
        nargs=3,
        type=share,
        metavar=("R", "G", "B"),
        help="the colour that GLCIC's holes were filled with in training, 0 to 1; it is not in the "
        "file (default: the mean of ImageNet)",
    )
    add_boolean(
        convert,
        "--overwrite",
        "replace the result of an earlier conversion in DST (default: false)",
    )
    convert.set_defaults(run=_run, parser=convert, flags=flags_of(convert))


def _run(arguments: argparse.Namespace) -> None:
    from ppdeepfill.weights.convert import convert, report
    from ppdeepfill.weights.foreign_models import PORT_COPY

    conversion = convert(
        arguments.source,
        arguments.destination,
        origin=arguments.origin,
        network=arguments.network,
        mean_color=arguments.mean_color,
        overwrite=arguments.overwrite,
    )
    for line in report(conversion):
        logger.info("%s", line)
    if arguments.origin == "torch" and arguments.source.name == PORT_COPY:
        logger.info(
            "note: torch_model.p is usually the port's copy of the authors' weights; use --from "
            "tensorflow to get their arithmetic and channel order"
        )
    logger.info("wrote %s", arguments.destination)
