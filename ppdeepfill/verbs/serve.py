# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`ppdeepfill serve`: fill holes over HTTP."""

import argparse
from dataclasses import fields
from pathlib import Path

from ppdeepfill.serving.limits import Limits
from ppdeepfill.verbs.arguments import MODEL_PATH, add_device, add_verb, flags_of, whole_number

LIMITS = {
    "megabytes": ("MB", "size of a request, photo and mask together"),
    "megapixels": ("MP", "size of a photo, and of its mask"),
    "queue": ("N", "requests that may wait while one is computed; more are answered with 503"),
    "upload_seconds": ("S", "time for a request to arrive"),
    "seconds": ("S", "time for an answer, once the request has arrived"),
}


def add(verbs: argparse._SubParsersAction) -> None:
    serve = add_verb(
        verbs,
        "serve",
        help="fill holes over HTTP",
        description="Serve a network over HTTP: POST /fill takes a photo and a mask, and returns "
        "the filled photo. The page at / describes it. It keeps nothing. SIGTERM or Ctrl-C "
        "finishes the requests in progress and stops.",
        examples=["demo --port 8000", "output/inference_model --queue 4"],
    )
    serve.add_argument(
        "model_path",
        type=Path,
        nargs="?",
        metavar="PATH",
        help=f"a folder from `ppdeepfill export`, {MODEL_PATH} (default: the newest below "
        "./output, else demo)",
    )
    serve.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on; 0.0.0.0 means all networks of this computer "
        "(default: %(default)s, this computer only)",
    )
    serve.add_argument(
        "--port",
        type=whole_number(0),
        default=8000,
        metavar="N",
        help="port to listen on; 0 picks a free one (default: %(default)s)",
    )
    add_device(serve)
    limits = serve.add_argument_group("limits")
    for limit in fields(Limits):
        metavar, meaning = LIMITS[limit.name]
        limits.add_argument(
            f"--{limit.name}",
            type=whole_number(1),
            default=limit.default,
            metavar=metavar,
            help=f"{meaning} (default: %(default)s)",
        )
    serve.set_defaults(run=_run, parser=serve, flags=flags_of(serve))


def _run(arguments: argparse.Namespace) -> None:
    from ppdeepfill.serving.server import serve
    from ppdeepfill.weights.finding import default_model

    serve(
        arguments.model_path or default_model(),
        host=arguments.host,
        port=arguments.port,
        device=arguments.device,
        limits=Limits(**{limit.name: getattr(arguments, limit.name) for limit in fields(Limits)}),
    )
