# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import paddle
import pytest

from ppdeepfill.data.batch import Batch


def batch(count, labels=None):
    numbers = paddle.arange(count, dtype="float32").reshape([-1, 1, 1, 1])
    bboxes = np.tile(np.arange(count)[:, None], 4)
    return Batch(numbers.tile([1, 3, 2, 2]), numbers, bboxes, np.arange(count), labels)


def test_parts_hold_all_images_in_order():
    labels = paddle.arange(6).reshape([6, 1, 1])
    parts = batch(6, labels).parts(3)
    assert [part.image.shape for part in parts] == [[2, 3, 2, 2]] * 3
    for field in ("image", "mask", "bboxes", "sample_numbers", "labels"):
        values = np.concatenate([np.asarray(getattr(part, field)) for part in parts])
        assert np.array_equal(values, np.asarray(getattr(batch(6, labels), field)))
    assert batch(2).parts(2)[0].labels is None


def test_one_part_is_the_batch_itself():
    whole = batch(2)
    assert whole.parts(1)[0] is whole


def test_uneven_parts_are_refused():
    with pytest.raises(ValueError, match="batch of 4 cannot be divided into 3"):
        batch(4).parts(3)
    with pytest.raises(ValueError, match="cannot be divided"):
        batch(2).parts(4)
