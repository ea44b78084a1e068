# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`ppdeepfill doctor`: check the installation, and say how to fix problems."""

import argparse
import logging

from ppdeepfill.errors import ChecksFailed
from ppdeepfill.verbs.arguments import add_verb, flags_of

DESCRIPTION = """\
Check versions, device, threads, data, write permission and optional parts, fill a hole with the
network demo, and say how to fix problems. The exit status is 1 if there are any."""

logger = logging.getLogger(__name__)


def add(verbs: argparse._SubParsersAction) -> None:
    doctor = add_verb(
        verbs,
        "doctor",
        help="check the installation, and say how to fix problems",
        description=DESCRIPTION,
        examples=[""],
    )
    doctor.set_defaults(run=_run, parser=doctor, flags=flags_of(doctor))


def _run(arguments: argparse.Namespace) -> None:
    from ppdeepfill.doctor.checks import CHECKS

    wrong = []
    for title, check in CHECKS:
        logger.info("%s", title)
        for finding in check():
            logger.info("  %-20s %s", finding.name, finding.text)
            if finding.advice:
                logger.warning("  %-20s -> %s", "", finding.advice)
                wrong.append(finding.name)
    if wrong:
        raise ChecksFailed(f"{len(wrong)} to fix, marked with ->: {', '.join(wrong)}")
    logger.info("no problems found")
