# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`ppdeepfill export`: write a trained network for deployment."""

import argparse
import os
from pathlib import Path

from ppdeepfill.config import load_config
from ppdeepfill.verbs.arguments import boolean


def add(verbs: argparse._SubParsersAction) -> None:
    export = verbs.add_parser(
        "export",
        help="write a trained network for deployment",
        description="Write a trained network for Paddle Inference, and for ONNX Runtime, as "
        "deploy/python/infer.py reads it. What was written is loaded again and compared first.",
        allow_abbrev=False,
    )
    export.add_argument(
        "--model_path",
        type=Path,
        metavar="PATH",
        help="a generator.safetensors, a checkpoint folder or the output_dir of a run; "
        "default: the newest run below output",
    )
    export.add_argument(
        "--save_dir",
        type=Path,
        default=Path("output/inference_model"),
        metavar="DIR",
        help="default: output/inference_model",
    )
    export.add_argument(
        "--config",
        "-c",
        metavar="FILE",
        help="the configuration of a run, in place of --model_path: its output_dir",
    )
    export.add_argument(
        "--input_shape",
        type=int,
        nargs=4,
        default=(-1, 3, -1, -1),
        metavar=("B", "3", "H", "W"),
        help="fix the shape of the image, for example 1 3 256 256; default: -1 3 -1 -1, all free",
    )
    export.add_argument(
        "--device", default="cpu", help="where the comparison runs: cpu (default), gpu, auto"
    )
    export.add_argument(
        "--onnx",
        type=boolean,
        nargs="?",
        const=True,
        default=False,
        metavar="true|false",
        help='write an ONNX file too; needs pip install -e ".[onnx]"',
    )
    flags = ["--model_path", "--save_dir", "--config", "--input_shape", "--device", "--onnx"]
    export.set_defaults(run=_run, parser=export, flags=flags)


def _run(arguments: argparse.Namespace) -> None:
    config = load_config(arguments.config, []) if arguments.config else None
    os.environ.setdefault("GLOG_minloglevel", "2")  # Paddle warns of its own export code
    from ppdeepfill import parallel
    from ppdeepfill.checkpoint import newest_run
    from ppdeepfill.exporting import export_model

    parallel.start(arguments.device)
    model_path = (
        arguments.model_path or (config and config.output_dir) or newest_run(Path("output"))
    )
    export_model(
        model_path,
        arguments.save_dir,
        input_shape=tuple(arguments.input_shape),
        onnx=arguments.onnx,
    )
