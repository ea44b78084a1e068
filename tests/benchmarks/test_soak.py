# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import numpy as np

from benchmarks.soak import SAMPLES, Sample, photo_and_hole, verdict


def samples(megabytes=lambda done: 500.0, files=lambda done: 9) -> list[Sample]:
    shares = [number / SAMPLES for number in range(1, SAMPLES + 1)]
    return [Sample(done, megabytes(done), files(done)) for done in shares]


def test_what_fills_and_then_stays_passes():
    assert verdict(samples(lambda done: 900 * min(done, 0.5))) == []


def test_what_grows_to_the_end_fails():
    assert verdict(samples(lambda done: 900 * done)) == ["memory grew by 270 MiB"]
    assert verdict(samples(files=lambda done: int(100 * done))) == ["30 more files are open"]


def test_what_ends_early_fails():
    assert verdict(samples()[:12]) == ["too few samples: it ended early"]


def test_a_hole_lies_within_its_photo():
    rng = np.random.default_rng(1)
    for _ in range(200):
        photo, hole = photo_and_hole(rng)
        assert photo.shape == (*hole.shape, 3)
        assert 0 < hole.sum() < hole.size
