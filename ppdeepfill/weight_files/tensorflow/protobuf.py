# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Read the fields of a Protocol Buffers message by number, without its schema.

Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.tensorflow.byte_reader import ByteReader

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # kinds of field


class Message:
    """A message whose fields are read by number.

    Raises:
        WeightsError: the bytes are not a message; from the methods: a field is of another kind.
    """

    def __init__(self, content: bytes):
        self._fields: dict[int, list[int | bytes]] = {}
        reader = ByteReader(content)
        while reader.left():
            tag = reader.varint()
            self._fields.setdefault(tag >> 3, []).append(_value(reader, tag & 7))

    def number(self, field: int) -> int:
        """Return a signed 64-bit integer; 0 if absent."""
        unsigned = (self._values_of_kind(field, int) or [0])[-1]
        return unsigned - (1 << 64) if unsigned >> 63 else unsigned

    def messages(self, field: int) -> list[Message]:
        """Return the messages in a repeated field."""
        return [Message(content) for content in self._values_of_kind(field, bytes)]

    def has(self, field: int) -> bool:
        return field in self._fields

    def _values_of_kind(self, field: int, kind: type) -> list:
        values = self._fields.get(field, [])
        if not all(isinstance(value, kind) for value in values):
            raise WeightsError(f"field {field} of a message is not of type {kind.__name__}")
        return values


def _value(reader: ByteReader, kind: int) -> int | bytes:
    if kind == VARINT:
        return reader.varint()
    if kind == BYTES:
        return reader.take(reader.varint())
    if kind in (FIXED64, FIXED32):
        return reader.integer(8 if kind == FIXED64 else 4)
    raise WeightsError(f"a message has a field of the unknown kind {kind}")
