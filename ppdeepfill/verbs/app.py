# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`ppdeepfill app`: fill holes in photos on a web page."""

import argparse

from ppdeepfill.verbs.arguments import add_device, add_verb, flags_of, whole_number


def add(verbs: argparse._SubParsersAction) -> None:
    app = add_verb(
        verbs,
        "app",
        help="fill holes in photos on a web page",
        description="Serve a web page to paint over what should disappear from a photo, and fill "
        "the hole. Photos stay in memory, and nothing is left on disk. Stop it with Ctrl-C.",
        examples=["", "--host 0.0.0.0 --port 8080"],
    )
    app.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on; 0.0.0.0 lets everyone in the network use the page "
        "(default: %(default)s, this computer only)",
    )
    app.add_argument(
        "--port",
        type=whole_number(1),
        default=7860,
        metavar="N",
        help="port to listen on (default: %(default)s)",
    )
    add_device(app)
    app.set_defaults(run=_run, parser=app, flags=flags_of(app))


def _run(arguments: argparse.Namespace) -> None:
    from ppdeepfill.app.server import serve

    serve(arguments.host, arguments.port, arguments.device)
