# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`ppdeepfill export`: export a trained network for deployment."""

import argparse
import os

from ppdeepfill.config import load_config
from ppdeepfill.verbs.arguments import (
    add_boolean,
    add_device,
    add_model_path,
    add_save_dir,
    flags_of,
)


def add(verbs: argparse._SubParsersAction) -> None:
    export = verbs.add_parser(
        "export",
        help="export a trained network for deployment",
        description="Export a trained network for Paddle Inference and, on request, ONNX Runtime, "
        "in the form that deploy/python/infer.py reads. The exported files are loaded and their "
        "outputs compared before they get their final names.",
        allow_abbrev=False,
    )
    add_model_path(export)
    add_save_dir(export, "output/inference_model", "the graph and the weights")
    export.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        help="configuration of a run, whose output_dir is used instead of --model_path",
    )
    export.add_argument(
        "--input_shape",
        type=int,
        nargs=4,
        default=(-1, 3, -1, -1),
        metavar=("B", "3", "H", "W"),
        help="fixed shape of the image, for example 1 3 256 256 (default: -1 3 -1 -1, any shape)",
    )
    add_device(export, "cpu")
    add_boolean(export, "--onnx", 'also write an ONNX file; needs pip install -e ".[onnx]"')
    export.set_defaults(run=_run, parser=export, flags=flags_of(export))


def _run(arguments: argparse.Namespace) -> None:
    config = load_config(arguments.config, []) if arguments.config else None
    os.environ.setdefault("GLOG_minloglevel", "2")  # Paddle warns about its own export code
    from ppdeepfill.deployment.exporting import export_model
    from ppdeepfill.parallel import use_device
    from ppdeepfill.weights.finding import default_model

    use_device(arguments.device)
    model_path = arguments.model_path or (config and config.output_dir) or default_model()
    export_model(
        model_path,
        arguments.save_dir,
        input_shape=tuple(arguments.input_shape),
        onnx=arguments.onnx,
    )
