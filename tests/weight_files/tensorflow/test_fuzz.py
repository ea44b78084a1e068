# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Damaged checkpoints, thousands of them: an error that people can read, or the right arrays."""

import time
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from weight_files import bundles
from weight_files.bundles import write_bundle

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.tensorflow import bundle as tensorflow_bundle
from ppdeepfill.weight_files.tensorflow import sstable
from ppdeepfill.weight_files.tensorflow.bundle import Bundle, read_bundle
from ppdeepfill.weight_files.tensorflow.records import part_key

CASES = 1000
SECONDS = 5  # for one case; a millisecond is usual, but machines are busy
TELLING = [0, 1, 0x7F, 0x80, 0xFE, 0xFF]  # ends of ranges, and varints that go on


@pytest.fixture(params=[False, True], ids=["stored", "snappy"])
def prefix(request, tmp_path, rng) -> Path:
    """A checkpoint with all kinds of entry: scalar, matrix, empty, strings, in parts."""
    arrays = {f"net/conv{i}/bias": rng.standard_normal(i, np.float32) for i in range(5)}
    arrays |= {"step": np.int64(7), "net/kernel": rng.standard_normal((2, 3), np.float32)}
    parts = [((0, 2),), ((2, 1),)]
    arrays |= {part_key("w", part): np.ones(part[0][1], np.float32) for part in parts}
    extents = [bundles.message((1, bundles.message(*enumerate(part[0], 1)))) for part in parts]
    whole = bundles.message((1, 1), (2, bundles.shape((3,))), *((7, extent) for extent in extents))
    text = bundles.entry(np.zeros(4, np.uint8), dtype=7)
    records = {b"w": whole, b"text": text}
    return write_bundle(
        tmp_path / "s", arrays, shards=2, snappy=request.param, names_per_block=6, records=records
    )


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """One to three places changed, put in, taken out or doubled; or the end cut off."""
    if rng.random() < 0.1:
        return content[: rng.integers(len(content))]
    for _ in range(rng.integers(1, 4)):
        first = int(rng.integers(len(content) + 1))
        last = first + int(rng.integers(0, 9))
        piece = content[first:last]
        telling = bytes([rng.choice(TELLING)])
        replacements = [telling, telling * len(piece), rng.bytes(len(piece)), piece * 2, b""]
        content = content[:first] + replacements[rng.integers(5)] + content[last:]
    return content


def rewrite(path: Path, content: bytes) -> None:
    path.unlink()  # some file systems write to disk at once what takes the place of a content
    path.write_bytes(content)


def outcomes(prefix: Path, rng: np.random.Generator) -> tuple[list[Bundle], set[str]]:
    """What was read of many damaged copies, and the errors of the others."""
    files = {path: path.read_bytes() for path in sorted(prefix.parent.glob("s.*"))}
    bundles_read, errors = [], set()
    for _ in range(CASES):
        path = rng.choice(list(files), p=[0.1, 0.1, 0.8])
        rewrite(path, damaged(files[path], rng))
        start = time.perf_counter()
        try:
            bundles_read.append(read_bundle(prefix))
        except WeightsError as error:
            errors.add(str(error).split("cannot be read: ")[1])
        assert time.perf_counter() - start < SECONDS
        rewrite(path, files[path])
    return bundles_read, errors


def test_damage_is_refused_or_harmless(prefix, rng):
    whole = read_bundle(prefix)
    bundles_read, errors = outcomes(prefix, rng)
    for bundle in bundles_read:
        assert bundle.left_out == whole.left_out
        assert set(bundle.arrays) == set(whole.arrays)
        for name, array in whole.arrays.items():
            np.testing.assert_array_equal(bundle.arrays[name], array, strict=True)
    assert len(bundles_read) < CASES / 4
    assert any("checksum" in error for error in errors)


def test_damage_that_the_checksums_cover_up_is_refused_in_words(prefix, rng, monkeypatch):
    for module in (sstable, tensorflow_bundle):
        monkeypatch.setattr(module, "masked_crc32c", lambda content: mock.ANY)
    bundles_read, errors = outcomes(prefix, rng)
    assert bundles_read and len(errors) > 30  # so that the changes reach all parts of the reader
