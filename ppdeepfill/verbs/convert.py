# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`ppdeepfill convert`: weights of other codes made into networks of this package."""

import argparse
import logging
from pathlib import Path

from ppdeepfill.verbs.arguments import add_boolean, flags_of
from ppdeepfill.weights.foreign_models import PORT_COPY

logger = logging.getLogger(__name__)


def add(verbs: argparse._SubParsersAction) -> None:
    convert = verbs.add_parser(
        "convert",
        help="take over the weights of another code",
        description="Convert weights of the authors' TensorFlow code, of the PyTorch port, or "
        "between .pdparams and .safetensors. Reading them runs no code.",
        allow_abbrev=False,
    )
    convert.add_argument(
        "--from",
        dest="origin",
        choices=("tensorflow", "torch", "paddle"),
        required=True,
        help="whose weights they are: the authors' (under the port's names too), the port's, or "
        "Paddle's",
    )
    convert.add_argument(
        "source",
        type=Path,
        metavar="SRC",
        help="a checkpoint's folder or prefix, or a file: .pt, .p, .npz, .pdparams, .safetensors",
    )
    convert.add_argument(
        "destination",
        type=Path,
        metavar="DST",
        help="a file .safetensors or .pdparams, or a new folder, which keeps the critics too",
    )
    convert.add_argument(
        "--network",
        metavar="NAME",
        help="deepfill_v1 or deepfill_v1_torch, for Paddle files that do not tell",
    )
    add_boolean(convert, "--overwrite", "replace what an earlier conversion wrote to DST")
    convert.set_defaults(run=_run, parser=convert, flags=flags_of(convert))


def _run(arguments: argparse.Namespace) -> None:
    from ppdeepfill.weights.convert import convert, report

    conversion = convert(
        arguments.source,
        arguments.destination,
        origin=arguments.origin,
        network=arguments.network,
        overwrite=arguments.overwrite,
    )
    for line in report(conversion):
        logger.info("%s", line)
    if arguments.origin == "torch" and arguments.source.name == PORT_COPY:
        logger.info(
            "note: torch_model.p is known as a copy of the authors' weights; --from tensorflow "
            "gives their arithmetic and channel order"
        )
    logger.info("wrote %s", arguments.destination)
