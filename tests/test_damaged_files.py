# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A sample of tests/damaged_files.py, and all of it where time does not matter."""

import warnings

import pytest
from damaged_files import DAMAGES, Checker


@pytest.mark.parametrize(
    ("first", "count"), [(0, 500), pytest.param(500, 9_500, marks=pytest.mark.slow)]
)
def test_damage_never_ends_in_a_traceback_or_in_wrong_pixels(tmp_path, monkeypatch, first, count):
    monkeypatch.chdir(tmp_path)
    checker = Checker(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow, about metadata
        for number in range(first, first + count):
            checker.run(number)
    assert not checker.faults
    assert checker.counts["variants"] == count
    assert checker.counts["filled"] > count / 10 < checker.counts["refused"]


def test_a_variant_depends_on_its_number_alone(rng):
    content = bytes(range(256)) * 8
    for damage in DAMAGES:
        first, again = (damage(content, type(rng)(type(rng.bit_generator)(3))) for _ in range(2))
        assert first == again != content
