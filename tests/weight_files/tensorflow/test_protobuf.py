# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Fields of messages."""

import pytest
from weight_files.bundles import Fixed32, message

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.tensorflow.protobuf import Message


def test_fields_are_read_by_number():
    content = message((1, 300), (2, -2), (3, Fixed32(7)), (4, message((1, 5))), (4, b""))
    parsed = Message(content)
    assert [parsed.number(field) for field in (1, 2, 3, 9)] == [300, -2, 7, 0]
    assert [inner.number(1) for inner in parsed.messages(4)] == [5, 0]
    assert parsed.has(1) and not parsed.has(9)


def test_the_last_of_a_number_counts():
    assert Message(message((1, 3), (1, 4))).number(1) == 4


def test_fields_of_eight_bytes_are_passed_over():
    assert Message(b"\x09" + bytes(8) + message((2, 3))).number(2) == 3


@pytest.mark.parametrize(
    "content",
    [
        b"\x08",
        b"\x0a\x05abc",
        b"\x0b",
        b"\x08" + b"\xff" * 12,
        b"\x0d\x00",
        b"\x0a\xff\xff\xff\x7f",
    ],
)
def test_damaged_messages_are_refused(content):
    with pytest.raises(WeightsError):
        Message(content)


def test_a_field_of_another_kind_is_refused():
    with pytest.raises(WeightsError, match="field 1"):
        Message(message((1, b"text"))).number(1)
    with pytest.raises(WeightsError, match="field 1"):
        Message(message((1, 5))).messages(1)
