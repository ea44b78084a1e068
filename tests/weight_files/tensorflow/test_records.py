# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Records of an index."""

import pytest
from weight_files.bundles import message

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.tensorflow.records import UNDIVIDED, count_shards, part_key


@pytest.mark.parametrize(
    ("extent", "key"),
    [
        ((0, 63), "80bf"),
        ((63, 1), "bf81"),
        ((64, 63), "c040bf"),
        ((127, 1), "c07f81"),
        ((128, 8063), "c080df7f"),
        ((8191, 1), "dfff81"),
        ((8192, 8), "e0200088"),
        ((8200, 1040375), "e02008efdff7"),
        ((1048575, 1), "efffff81"),
        ((1048576, 4), "f010000084"),
        ((0, UNDIVIDED), "807f"),
    ],
)
def test_keys_of_parts_are_those_that_tensorflow_writes(extent, key):
    assert part_key("w", (extent,)).hex() == "0077" + "0001" + "0101" + key
    assert part_key("w", (extent, (0, UNDIVIDED))).hex() == "0077" + "0001" + "0102" + key + "807f"


def test_the_header_counts_the_files():
    assert count_shards(message((1, 12), (3, message((1, 1))))) == 12


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (message((1, 1), (2, 1)), "big-endian"),
        (message((1, 1), (3, message((1, 9), (2, 2)))), "version 2"),
    ],
)
def test_what_this_reader_would_misread_is_refused(header, message):
    with pytest.raises(WeightsError, match=message):
        count_shards(header)
