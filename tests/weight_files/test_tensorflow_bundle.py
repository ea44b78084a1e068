# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Reading TensorFlow checkpoints."""

import numpy as np
import pytest
from weight_files.bundles import DTYPES, write_bundle

from ppdeepfill.weight_files.tensorflow_bundle import read_bundle


@pytest.fixture
def arrays(rng):
    """Variables of every type, a scalar, an empty one, and enough names to share beginnings."""
    values = {f"net/conv{i}/kernel": rng.standard_normal((3, 3, 2, i % 4)) for i in range(40)}
    values |= {f"types/{dtype}": (100 * rng.random((2, 3))).astype(dtype) for dtype in DTYPES}
    return values | {"scalar": np.float32(3), "empty": np.zeros((0, 4), np.float32)}


@pytest.mark.parametrize(
    "layout",
    [{}, {"shards": 3}, {"snappy": True}, {"snappy": True, "names_per_block": 7, "shards": 2}],
    ids=str,
)
def test_arrays_come_back_as_they_were(arrays, layout, tmp_path):
    bundle = read_bundle(write_bundle(tmp_path / "snap-0", arrays, **layout))
    assert bundle.left_out == {}
    assert set(bundle.arrays) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(bundle.arrays[name], array, strict=True)
