# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Both stages against both references."""

import json

import numpy as np
import pytest
import reference

from ppdeepfill.alignment import recipes, stored
from ppdeepfill.alignment.references import (
    authors_network,
    authors_photo,
    port_network,
    predict,
)
from ppdeepfill.networks import attention_to_offsets

# Float32 against float64 inside the references: 2e-5 (port), 2e-5 (authors, wide case).
TOLERANCE = 1e-4


def check_tensorflow(prediction, coarse, refined, offsets, margin, step: int = 1):
    for ours, theirs in ((prediction.coarse, coarse), (prediction.refined, refined)):
        ours = ours[:, :, ::step, ::step]
        assert reference.relative_error(ours, recipes.rgb_nchw(theirs)) < TOLERANCE
    grid = tuple(size // 8 for size in prediction.refined.shape[2:])
    ours = attention_to_offsets(prediction.attention, grid).numpy().transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(ours[margin > 1e-3], offsets[margin > 1e-3])


def test_agrees_with_authors():
    arrays = stored.load("tensorflow_generator")
    image, mask = authors_photo(arrays["image"], arrays["mask"][0, :, :, 0])
    check_tensorflow(
        predict(authors_network(), image, mask),
        *(arrays[name] for name in ("coarse", "refined", "offsets", "margin")),
        step=2,
    )


def test_agrees_with_port(own_arrays):
    arrays = np.load(own_arrays / "torch_generator.npz")
    image = recipes.blocks(15, (2, 3, 128, 128))
    mask = recipes.rectangles((128, 128), [[24, 88, 8, 72], [48, 128, 40, 100]])
    prediction = predict(port_network(), image, mask)
    for name in ("coarse", "refined"):
        ours = getattr(prediction, name)[:, :, ::2, ::2]
        assert reference.relative_error(ours, arrays[name]) < TOLERANCE, name


@pytest.mark.slow
@pytest.mark.parametrize("case", ["g256", "g256b2", "wide256", "s512x680"])
def test_agrees_with_authors_at_full_size(golden_dir, case):
    arrays = np.load(golden_dir / "tensorflow" / "generator_forward_tf.npz")
    facts = {n.split(".")[1]: arrays[n] for n in arrays.files if n.split(".")[0] == case}
    if "mask_uint8" in facts:
        hole = facts["mask_uint8"][0, :, :, 0]
    else:
        top, left, height, width = facts["hole_tlhw"].tolist()
        hole = np.zeros(facts["image_uint8"].shape[1:3], np.uint8)
        hole[top : top + height, left : left + width] = 255
    image, mask = authors_photo(facts["image_uint8"], hole)
    network = authors_network(factor=1.25 if case == "wide256" else 1.0)
    names = ("x_stage1", "x_stage2", "offset_rel", "logit_margin")
    check_tensorflow(predict(network, image, mask), *(facts[name] for name in names))


@pytest.mark.slow
@pytest.mark.parametrize("case", ["B_256", "B_192x320"])
def test_agrees_with_port_at_full_size(golden_dir, case):
    arrays = np.load(golden_dir / "torch" / "generator_forward.npz")
    text = (golden_dir / "torch" / "generator_forward.json").read_text()
    facts = json.loads(text)["cases"][case]
    image = recipes.blocks(facts["image"][1], facts["shape"])
    mask = recipes.rectangles(tuple(facts["shape"][2:]), facts["rects"])
    prediction = predict(port_network(), image, mask)
    assert reference.relative_error(prediction.coarse, arrays[f"{case}/x_stage1"]) < TOLERANCE
    assert reference.relative_error(prediction.refined, arrays[f"{case}/x_stage2"]) < TOLERANCE
    best = prediction.attention.argmax(axis=1).numpy()
    np.testing.assert_array_equal(best, arrays[f"{case}/argmax_flat"].reshape(best.shape))
