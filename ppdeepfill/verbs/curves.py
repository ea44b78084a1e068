# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`ppdeepfill curves`: draw losses and validation scores of training runs."""

import argparse
import logging
from pathlib import Path

from ppdeepfill.verbs.arguments import add_boolean, add_verb, flags_of

logger = logging.getLogger(__name__)


def add(verbs: argparse._SubParsersAction) -> None:
    curves = add_verb(
        verbs,
        "curves",
        help="draw losses and validation scores of training runs",
        description="Draw the losses and validation scores of one or several training runs, from "
        "their metrics.jsonl, side by side. A run may still be going on.",
        examples=["output/quickstart", "output/one output/two --by minutes --out both.png --html"],
    )
    curves.add_argument(
        "runs", type=Path, nargs="+", metavar="RUN", help="output_dir of a run, or a metrics.jsonl"
    )
    curves.add_argument(
        "--out",
        type=Path,
        default=Path("curves.png"),
        metavar="FILE",
        help="the picture to write, a PNG file (default: %(default)s)",
    )
    curves.add_argument(
        "--by",
        choices=("iter", "minutes"),
        default="iter",
        help="what the horizontal axis counts: iterations, or minutes of training time (default: "
        "%(default)s)",
    )
    add_boolean(
        curves,
        "--html",
        "also write a web page beside the picture; it works offline (default: false)",
    )
    curves.set_defaults(run=_run, parser=curves, flags=flags_of(curves))


def _run(arguments: argparse.Namespace) -> None:
    from ppdeepfill.drawing.curves import write_curves

    for path in write_curves(arguments.runs, arguments.out, by=arguments.by, html=arguments.html):
        logger.info("wrote %s", path)
