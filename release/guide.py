# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Write the generated part of a guide."""

from pathlib import Path

from ppdeepfill.atomic_write import written_whole
from ppdeepfill.errors import UserError

BEGIN, END = "<!-- release: begin, written by release/run.py -->", "<!-- release: end -->"


def replace_block(guide: Path, text: str) -> None:
    """Replace the text between the lines `BEGIN` and `END` of a guide.

    Raises:
        UserError: the guide does not contain both lines, once each and in this order.
    """
    before, *rest = guide.read_text(encoding="utf-8").split(BEGIN)
    after = rest[0].split(END)[1:] if len(rest) == 1 else []
    if len(after) != 1:
        raise UserError(f"{guide} must contain the lines {BEGIN!r} and {END!r}, once each")
    with written_whole(guide) as partial:
        partial.write_bytes(f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after[0]}".encode())
