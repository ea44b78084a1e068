# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`ppdeepfill align`: compare our numbers with those of both reference implementations."""

import argparse

from ppdeepfill.verbs.arguments import add_save_dir, add_verb, flags_of

REFERENCES = ("torch", "tensorflow")


def add(verbs: argparse._SubParsersAction) -> None:
    align = add_verb(
        verbs,
        "align",
        help="compare outputs, losses, gradients and training with the reference implementations",
        description=(
            "Compare outputs, metrics, losses, gradients and training with numbers recorded from "
            "the authors' TensorFlow code and the PyTorch port. Runs on the CPU in about a "
            "minute. Exit status 1 if a check fails."
        ),
        examples=["", "--reference torch --save_dir output/align"],
    )
    add_save_dir(align, "output/align", "the arrays and logs of the reproduction contest")
    align.add_argument(
        "--reference",
        choices=(*REFERENCES, "all"),
        default="all",
        help="torch: the port; tensorflow: the authors' code (default: all)",
    )
    align.set_defaults(run=_run, parser=align, flags=flags_of(align))


def _run(arguments: argparse.Namespace) -> None:
    from ppdeepfill.alignment.report import align
    from ppdeepfill.parallel import use_device

    use_device("cpu")  # as the references did; GPUs round convolutions differently
    chosen = REFERENCES if arguments.reference == "all" else (arguments.reference,)
    align(arguments.save_dir, chosen)
