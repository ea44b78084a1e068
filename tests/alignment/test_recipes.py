# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
import zlib

import numpy as np

from ppdeepfill.alignment import recipes
from ppdeepfill.alignment.authors import IMAGES


def test_images_of_authors_are_those_that_their_code_saw():
    assert zlib.crc32(recipes.smooth_images(*IMAGES).tobytes()) == 3989779626


def test_images_of_authors_are_the_stored_ones(golden_dir):
    arrays = np.load(golden_dir / "tensorflow" / "losses_tf.npz")
    np.testing.assert_array_equal(recipes.smooth_images(*IMAGES), arrays["A_default.image_uint8"])
