# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Decode the instructions of a pickle without executing them."""

import codecs
import pickletools
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

_OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}


def instructions(stream: BinaryIO) -> Iterator[tuple[str, Any]]:
    """Yield (name, argument) of each instruction.

    Not `pickletools.genops`, which before Python 3.13 refuses Python 2's bytes in protocol 0.
    """
    while code := stream.read(1):
        opcode = _OPCODES.get(code)
        if opcode is None:
            raise ValueError(f"the instruction {code!r} is unknown")
        if opcode.name == "STRING":
            yield opcode.name, _python2_text(stream.readline())
        else:
            yield opcode.name, opcode.arg and opcode.arg.reader(stream)


def _python2_text(line: bytes) -> str:
    """Decode the `repr` of a Python 2 `str`; each byte becomes a character."""
    quoted = re.fullmatch(rb"""(['"])(.*)\1\r?\n""", line, re.S)
    if quoted is None:
        raise ValueError("text without quotes")
    return codecs.escape_decode(quoted[2])[0].decode("latin-1")
