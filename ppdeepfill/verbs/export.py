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
    add_verb,
    flags_of,
)


def add(verbs: argparse._SubParsersAction) -> None:
    export = add_verb(
        verbs,
        "export",
        help="export a trained network for deployment",
        description="Export a trained network for Paddle Inference and, on request, ONNX Runtime, "
        "in the form that deploy/python/infer.py reads. The exported files are loaded and their "
        "outputs compared before they get their final names.",
        examples=[
            "--model_path output/quickstart --save_dir output/inference_model",
            "--model_path demo --input_shape 1 3 256 256 --onnx",
        ],
    )
    network = export.add_argument_group("the network")
    add_model_path(network)
    network.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        help="configuration of a run, whose output_dir is used instead of --model_path "
        "(default: none)",
    )
    graph = export.add_argument_group("what is written")
    add_save_dir(graph, "output/inference_model", "the graph and the weights")
    graph.add_argument(
        "--input_shape",
        type=int,
        nargs=4,
        default=(-1, 3, -1, -1),
        metavar=("B", "3", "H", "W"),
        help="fixed shape of the image, for example 1 3 256 256 (default: -1 3 -1 -1, any shape)",
    )
    add_boolean(
        graph, "--onnx", 'also write an ONNX file; needs pip install -e ".[onnx]" (default: false)'
    )
    add_boolean(
        graph,
        "--whole",
        "the graph computes the whole picture, rather than only what the holes need, so that "
        "shapes inside it do not depend on the holes (default: false)",
    )
    add_device(export.add_argument_group("computation"), "cpu")
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
        whole=arguments.whole,
    )
