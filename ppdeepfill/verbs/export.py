# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`ppdeepfill export`: write a trained network for deployment."""

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
        help="write a trained network for deployment",
        description="Write a trained network for Paddle Inference, and for ONNX Runtime, as "
        "deploy/python/infer.py reads it. What was written is loaded again and compared first.",
        allow_abbrev=False,
    )
    add_model_path(export)
    add_save_dir(export, "output/inference_model", "graph and weights")
    export.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        help="the configuration of a run, in place of --model_path: its output_dir",
    )
    export.add_argument(
        "--input_shape",
        type=int,
        nargs=4,
        default=(-1, 3, -1, -1),
        metavar=("B", "3", "H", "W"),
        help="fix the shape of the image, for example 1 3 256 256 (default: -1 3 -1 -1, all free)",
    )
    add_device(export, "cpu")
    add_boolean(export, "--onnx", 'write an ONNX file too; needs pip install -e ".[onnx]"')
    export.set_defaults(run=_run, parser=export, flags=flags_of(export))


def _run(arguments: argparse.Namespace) -> None:
    config = load_config(arguments.config, []) if arguments.config else None
    os.environ.setdefault("GLOG_minloglevel", "2")  # Paddle warns of its own export code
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
