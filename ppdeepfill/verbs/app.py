# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`ppdeepfill app`: fill holes in photos on a web page."""

import argparse

from ppdeepfill.app.words import LANGUAGES
from ppdeepfill.verbs.arguments import (
    add_device,
    add_recognition,
    add_verb,
    flags_of,
    recognition_flags,
    recognition_of,
    whole_number,
)

MARKING = "marking things by class"
WITHOUT = "none, then the page does not offer this"
BY_CLASS = "with a PaddleSeg model, the page marks people, cars and other things with one click"


def add(verbs: argparse._SubParsersAction) -> None:
    app = add_verb(
        verbs,
        "app",
        help="fill holes in photos on a web page",
        description="Serve a web page to paint over what should disappear from a photo, and fill "
        "the hole. Photos stay in memory, and nothing is left on disk. Stop it with Ctrl-C.",
        examples=[
            "",
            "--host 0.0.0.0 --port 8080 --language zh",
            "--seg_config human.yml --seg_weights human.pdparams",
        ],
    )
    page = app.add_argument_group("the page")
    page.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on; 0.0.0.0 lets everyone in the network use the page "
        "(default: %(default)s, this computer only)",
    )
    page.add_argument(
        "--port",
        type=whole_number(1),
        default=7860,
        metavar="N",
        help="port to listen on (default: %(default)s)",
    )
    page.add_argument(
        "--language",
        choices=list(LANGUAGES),
        help="language of the page (default: English or Chinese, as the browser asks)",
    )
    add_device(page)
    add_recognition(app.add_argument_group("things by class", BY_CLASS), without=WITHOUT)
    app.set_defaults(run=_run, parser=app, flags=flags_of(app))


def _run(arguments: argparse.Namespace) -> None:
    from ppdeepfill.app.server import serve

    given = recognition_flags(arguments)
    serve(
        arguments.host,
        arguments.port,
        arguments.device,
        recognition=recognition_of(arguments, needed_by=MARKING) if given else None,
        language=arguments.language,
    )
