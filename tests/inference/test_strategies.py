# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Photos of any size, filled whole, by crops or shrunk."""

import numpy as np
import paddle
import pytest
from paddle import nn

from ppdeepfill.errors import DataError
from ppdeepfill.inference.crops import around_holes
from ppdeepfill.inference.inpainter import Inpainter, to_uint8
from ppdeepfill.inference.strategies import Strategy, feathered, fill
from ppdeepfill.networks import Prediction, build_network

CONCRETE = ("whole", "crop", "resize")


@pytest.fixture(scope="module")
def inpainter() -> Inpainter:
    paddle.seed(0)
    return Inpainter(build_network("deepfill_v1", base_channels=2))


class Looking(nn.Layer):
    """Predicts grey, says that every position was borrowed from the first patch, and counts."""

    size_multiple = 8

    def __init__(self):
        super().__init__()
        self.sizes = []

    def forward(self, masked_image, mask):
        height, width = mask.shape[2:]
        self.sizes.append((height, width))
        cells = height // 8 * (width // 8)
        attention = paddle.zeros([1, cells, height // 8, width // 8])
        attention[:, 0] = 1
        return Prediction(paddle.zeros_like(masked_image), None, attention)


def photo_and_hole(rng, height, width, *holes):
    """Random pixels, and holes given as (top, left, height, width)."""
    hole = np.zeros((height, width), bool)
    for top, left, rows, columns in holes:
        hole[top : top + rows, left : left + columns] = True
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8), hole


@pytest.mark.parametrize("name", CONCRETE)
@pytest.mark.parametrize(("feather", "blend"), [(0, "none"), (5, "none"), (0, "poisson")])
@pytest.mark.parametrize(
    ("size", "hole"),
    [
        ((1, 1), (0, 0, 0, 0)),
        ((1, 2), (0, 0, 1, 1)),
        ((3, 120), (1, 40, 2, 20)),
        ((37, 45), (0, 0, 37, 44)),
        ((90, 71), (30, 20, 17, 23)),
    ],
)
def test_known_pixels_never_change(inpainter, rng, name, feather, blend, size, hole):
    image, hole = photo_and_hole(rng, *size, hole)
    before = image.copy()
    strategy = Strategy(name, margin=8, limit=64, feather=feather, blend=blend)
    filled = fill(inpainter, image, hole, strategy).image
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(filled[~hole], image[~hole])
    if hole.any():
        assert (filled[hole] != image[hole]).any()


def test_the_network_sees_what_the_strategy_says(rng):
    image, hole = photo_and_hole(rng, 200, 300, (50, 60, 20, 30))
    seen = {}
    for name in ("auto", *CONCRETE):
        network = Looking()
        fill(Inpainter(network), image, hole, Strategy(name, margin=10, limit=96))
        seen[name] = network.sizes
    assert seen["whole"] == [(200, 304)]
    assert seen["resize"] == [(64, 96)]
    assert seen["crop"] == [(40, 56)]
    assert seen["auto"] == seen["crop"]
    network = Looking()
    fill(Inpainter(network), image, hole, Strategy(limit=300))
    assert network.sizes == seen["whole"]


def test_a_crop_above_the_limit_is_shrunk(rng):
    image, hole = photo_and_hole(rng, 200, 300, (10, 10, 100, 200))
    network = Looking()
    filled = fill(Inpainter(network), image, hole, Strategy("crop", margin=10, limit=64)).image
    assert network.sizes == [(40, 64)]
    assert (filled[hole] == 128).all()


def test_far_holes_are_filled_independently_in_crops(inpainter, rng):
    first, second = (10, 10, 20, 20), (60, 150, 20, 24)
    image, both = photo_and_hole(rng, 100, 200, first, second)
    strategy = Strategy("crop", margin=16)
    together = fill(inpainter, image, both, strategy).image
    for alone in (first, second):
        _, hole = photo_and_hole(rng, 100, 200, alone)
        filled = fill(inpainter, image, hole, strategy).image
        np.testing.assert_array_equal(together[hole], filled[hole])


def test_a_crop_at_the_margin_of_the_whole_photo_equals_the_whole(inpainter, rng):
    image, hole = photo_and_hole(rng, 64, 72, (20, 20, 16, 16))
    results = [fill(inpainter, image, hole, Strategy(n, margin=99)).image for n in CONCRETE]
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


def test_the_network_never_sees_the_hole_not_even_shrunk(inpainter, rng):
    image, hole = photo_and_hole(rng, 150, 201, (31, 43, 50, 67))
    painted = image.copy()
    painted[hole] = 255
    for name in CONCRETE:
        strategy = Strategy(name, margin=16, limit=64, feather=6)
        results = [fill(inpainter, i, hole, strategy).image[hole] for i in (image, painted)]
        np.testing.assert_array_equal(*results)


def test_every_hole_has_one_window_that_holds_it(rng):
    hole = rng.random((90, 130)) < 0.02
    for limit in (40, 64, 500):
        crops = around_holes(hole, margin=3, limit=limit, multiple=8)
        owners = np.zeros(hole.shape, int)
        for place, own in crops:
            owners[place] += own
        np.testing.assert_array_equal(owners, hole)
    assert len(crops) == 1  # where there is no limit


def test_holes_share_a_window_only_within_the_limit():
    hole = np.zeros((100, 400), bool)
    hole[40:50, 20:380:30] = True
    many = around_holes(hole, margin=16, limit=64, multiple=8)
    assert 5 <= len(many) <= 12
    assert all(own.shape[1] <= 64 for _, own in many)
    assert len(around_holes(hole, margin=16, limit=400, multiple=8)) == 1


def test_a_hole_is_filled_from_one_window_though_others_see_it_too(rng):
    class Counting(nn.Layer):
        calls = 0

        def forward(self, masked_image, mask):
            self.calls += 1
            return Prediction(paddle.full_like(masked_image, self.calls / 10))

    corners = [(20, left, 24, 30) for left in (10, 44, 78)]
    image, hole = photo_and_hole(rng, 64, 120, *corners)
    strategy = Strategy("crop", margin=16, limit=64)
    filled = fill(Inpainter(Counting()), image, hole, strategy).image
    values = [np.unique(filled[20:44, left : left + 30]).tolist() for _, left, _, _ in corners]
    assert values == [[140], [153], [166]]


def test_windows_need_no_padding_where_there_is_room():
    hole = np.zeros((100, 61), bool)
    hole[95:, 3] = True
    ((place, own),) = around_holes(hole, margin=6, limit=64, multiple=8)
    assert own.shape == (16, 16)
    assert (place[0].stop, place[1].start) == (100, 0)
    ((_, own),) = around_holes(hole, margin=60, limit=64, multiple=8)
    assert own.shape == (72, 61)


@pytest.mark.parametrize("name", CONCRETE)
def test_offsets_lead_to_the_first_patch_of_the_crop(rng, name):
    image, hole = photo_and_hole(rng, 160, 160, (80, 96, 20, 30))
    strategy = Strategy(name, margin=24, limit=80)
    offsets = fill(Inpainter(Looking()), image, hole, strategy, with_offsets=True).offsets
    sources = np.argwhere(hole) + offsets[:, hole].T
    first = {"whole": ((0, 0), 8), "crop": ((56, 72), 8), "resize": ((0, 0), 16)}[name]
    assert (sources >= first[0]).all()
    assert (sources < np.array(first[0]) + first[1]).all()
    assert not offsets[:, ~hole].any()


def test_offsets_stay_in_the_photo_though_the_network_sees_a_mirrored_border(inpainter, rng):
    image, hole = photo_and_hole(rng, 33, 41, (25, 30, 8, 11))
    offsets = fill(inpainter, image, hole, Strategy("whole"), with_offsets=True).offsets
    sources = np.argwhere(hole) + offsets[:, hole].T
    assert (sources >= 0).all() and (sources < hole.shape).all()


def test_networks_without_attention_have_no_offsets(rng):
    class Grey(nn.Layer):
        def forward(self, masked_image, mask):
            return Prediction(paddle.zeros_like(masked_image))

    image, hole = photo_and_hole(rng, 32, 32, (8, 8, 8, 8))
    assert fill(Inpainter(Grey()), image, hole, Strategy(), with_offsets=True).offsets is None


def test_feathering_removes_a_shift_at_the_edge_and_none_far_inside():
    image = np.full((60, 60, 3), 100, np.uint8)
    hole = np.zeros((60, 60), bool)
    hole[15:45, 15:45] = True
    refined = np.full_like(image, 80)
    result = feathered(refined, image, hole, 6)[30, :, 0].astype(int)
    assert 95 <= result[15] < 100
    assert (np.diff(result[15:22]) < 0).all()
    assert (result[22:38] == 80).all()
    np.testing.assert_array_equal(feathered(refined, image, hole, 0), refined)


@pytest.mark.parametrize(
    "options",
    [{"name": "best"}, {"margin": -1}, {"limit": 63}, {"feather": -1}, {"blend": "multiband"}],
)
def test_unusable_options_are_refused_by_name(options):
    (name,) = options
    with pytest.raises(DataError, match="strategy" if name == "name" else f"--{name}"):
        Strategy(**options)


def test_the_coarse_stage_differs_from_the_photo_in_the_hole_alone(inpainter, rng):
    image, hole = photo_and_hole(rng, 40, 48, (10, 12, 16, 20))
    filling = fill(inpainter, image, hole, Strategy(), with_coarse=True)
    np.testing.assert_array_equal(filling.coarse[~hole], image[~hole])
    coarse = to_uint8(inpainter.predict(image[None], np.uint8(hole)[None] * 255).coarse)[0]
    np.testing.assert_array_equal(filling.coarse[hole], coarse[hole])
    assert (filling.coarse != filling.image)[hole].any()
    assert fill(inpainter, image, hole, Strategy()).coarse is None
    assert fill(Inpainter(Looking()), image, hole, Strategy(), with_coarse=True).coarse is None


def test_a_filling_tells_of_each_crop_before_and_can_be_ended(rng):
    network = Looking()
    image, hole = photo_and_hole(rng, 64, 900, (20, 20, 8, 8), (20, 400, 8, 8), (20, 800, 8, 8))
    told = []

    def before_crop(number, count):
        told.append((number, count))
        if number == 1:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fill(Inpainter(network), image, hole, Strategy("crop", margin=16), before_crop=before_crop)
    assert told == [(0, 3), (1, 3)] and len(network.sizes) == 1
