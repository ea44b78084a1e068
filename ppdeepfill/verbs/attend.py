# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`ppdeepfill attend`: rebuild one image from patches of another."""

import argparse
from pathlib import Path

from ppdeepfill.verbs.arguments import add_verb, flags_of


def add(verbs: argparse._SubParsersAction) -> None:
    attend = add_verb(
        verbs,
        "attend",
        help="rebuild one image from patches of another",
        description="Rebuild image B from patches of image A with contextual attention.",
        examples=["texture.jpg portrait.jpg rebuilt.png --offsets offsets.png"],
    )
    attend.add_argument("image_a", type=Path, metavar="IMAGE_A", help="source of the patches")
    attend.add_argument("image_b", type=Path, metavar="IMAGE_B", help="image to rebuild")
    attend.add_argument("out", type=Path, metavar="OUT", help="the picture to write")
    attend.add_argument(
        "--offsets",
        type=Path,
        metavar="FILE",
        help="also draw where each patch came from (default: not drawn)",
    )
    attend.set_defaults(run=_run, parser=attend, flags=flags_of(attend))


def _run(arguments: argparse.Namespace) -> None:
    from ppdeepfill.drawing.attend import attend
    from ppdeepfill.parallel import use_device

    use_device("auto")
    attend(arguments.image_a, arguments.image_b, arguments.out, offsets=arguments.offsets)
