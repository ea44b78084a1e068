# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The cost model against sums done by hand."""

from pathlib import Path

import pytest
from paddle import nn

from benchmarks.cost_tables import cost_tables
from ppdeepfill.networks.attention.choice import ATTENTIONS
from ppdeepfill.networks.layers import ConvBlock, UpsampledConvBlock
from ppdeepfill.reproduction.costs import (
    critic_layers,
    generator_layers,
    hole_layers,
    iteration_passes,
    layer_costs,
    update_passes,
)
from ppdeepfill.reproduction.counters import Cost, attention_flops
from ppdeepfill.reproduction.gpus import ARITHMETIC, TRAFFIC, Gpu, expected_seconds

DOCS = Path(__file__).resolve().parents[2] / "docs/benchmarks.md"


def test_a_convolution_costs_two_operations_per_output_and_tap():
    (layer,) = layer_costs(lambda: ConvBlock(5, 7, 3, stride=2, activation=None), [[2, 5, 12, 8]])
    outputs, inputs, weights = 2 * 7 * 6 * 4, 2 * 5 * 12 * 8, 7 * 5 * 9
    assert layer.forward == Cost(2 * outputs * 5 * 9, 4 * (outputs + inputs + weights))
    assert layer.weight_gradient == layer.forward


def test_a_convolution_of_the_upsampled_costs_four_taps_per_output():
    (layer,) = layer_costs(lambda: UpsampledConvBlock(5, 7), [[2, 5, 6, 4]])
    assert layer.forward.flops == 2 * (2 * 7 * 12 * 8) * 5 * 4


def test_a_linear_layer_costs_two_operations_per_weight_and_sample():
    (layer,) = layer_costs(lambda: nn.Linear(30, 4), [[2, 30]])
    assert layer.forward.flops == 2 * 2 * 30 * 4


def test_twice_the_side_costs_four_times_the_convolutions_and_sixteen_times_the_attention():
    small, large = (
        {x.name: x.forward.flops for x in generator_layers(size)} for size in [(64, 64), (128, 128)]
    )
    attention = "refinement.attention"
    assert large.pop(attention) == 16 * small.pop(attention) == attention_flops(128, 256, 256)
    assert large == {name: 4 * flops for name, flops in small.items()}


# On 64 px, the attention of a network of width 4 gets 16 channels at 16 x 16 positions.
PREDICTS = 2 * 8 * 8 * 16 * 9  # a 3x3 convolution at 8 x 8 positions, per input channel
BY_HAND = {
    "none": 0,
    "shift": 2 * (16 * 2 * 2) * 64 * 64,  # 64 blocks of 2 x 2, compared with each other
    # Both axes: 16 x 16 lines times channels, times two layers between 16 and 32 positions; before
    # that, two products that fit the maps of a grid of 16 to 16 positions.
    "external_spatial": 2 * (2 * (2 * (16 * 16) * 16 * 32) + 2 * (2 * 16 * 16 * 32)),
    # A convolution of 17 channels, three of 16, one that doubles the size with four taps, one to
    # two numbers, and samples of four.
    "appearance_flow": PREDICTS * (17 + 3 * 16)
    + 2 * 256 * (8 * 16 * 4 + 2 * 8 * 9)
    + 2 * 4 * (16 * 256),
    # Three convolutions, a linear layer, a 2 x 3 matrix times 256 places, and samples of four.
    "spatial_transformer": PREDICTS * (19 + 2 * 16)
    + 2 * 16 * 6
    + 2 * 2 * 3 * 256
    + 2 * 4 * (16 * 256),
}


@pytest.mark.parametrize("attention", BY_HAND)
def test_an_attention_costs_what_a_sum_by_hand_gives(attention):
    options = {"base_channels": 4, "attention_grid": 16, "attention": attention}
    layers = generator_layers((64, 64), **options)
    counted = [x.forward.flops for x in layers if f"{x.name}.".startswith("refinement.attention.")]
    assert sum(counted) == BY_HAND[attention]
    plain = generator_layers((64, 64), base_channels=4, attention="none")
    rest = sum(x.forward.flops for x in layers) - sum(counted)
    assert rest == sum(x.forward.flops for x in plain)


def test_every_attention_has_a_sum_by_hand():
    assert {*BY_HAND, "contextual"} == set(ATTENTIONS)


def test_a_batch_costs_as_much_as_its_images():
    one, three = (generator_layers((64, 64), batch=batch) for batch in (1, 3))
    assert [3 * x.forward.flops for x in one] == [x.forward.flops for x in three]


def test_an_update_sums_its_passes():
    network, critics = generator_layers((64, 64)), critic_layers((64, 64), (32, 32), batch=1)
    updates = {
        name: sum(cost.flops for cost in passes)
        for name, passes in update_passes((64, 64), (32, 32), batch=1).items()
    }
    whole = sum(x.forward.flops for x in network)
    (from_data,) = (x.forward.flops for x in network if x.first)
    judged = sum(x.forward.flops for x in critics)
    first = sum(x.forward.flops for x in critics if x.first)
    filled = sum(x.forward.flops for x in hole_layers((64, 64), (32, 32), batch=1))
    assert updates["critic"] == filled + updates["judging"]
    assert updates["judging"] == 2 * (3 * judged - first) + 4 * judged
    assert updates["generator"] == 3 * whole - from_data + 2 * judged


def test_a_small_hole_costs_less_than_its_image():
    small, whole = (hole_layers((128, 128), (side, side), batch=1) for side in (16, 127))
    assert [x.name for x in small] == [x.name for x in whole]
    costs = [(x.forward.flops, y.forward.flops) for x, y in zip(small, whole, strict=True)]
    assert all(some <= more for some, more in costs)
    assert sum(some for some, _ in costs) < 0.8 * sum(more for _, more in costs)
    everything = generator_layers((128, 128))
    assert [x.forward.flops for x in whole] == [x.forward.flops for x in everything]


def test_an_iteration_fills_one_batch_less_when_it_is_shared():
    updates = update_passes((64, 64), (32, 32), batch=1)
    fresh, shared = (
        sum(x.flops for x in iteration_passes(updates, 5, share_last_batch=share))
        for share in (False, True)
    )
    filled = hole_layers((64, 64), (32, 32), batch=1)
    assert fresh - shared == sum(x.forward.flops for x in filled)


@pytest.mark.parametrize(
    ("cost", "seconds"),
    [
        (Cost(flops=10, bytes=0), 10 / (100 * ARITHMETIC)),
        (Cost(flops=10, bytes=50), 50 / (10 * TRAFFIC)),
    ],
)
def test_an_expected_time_is_that_of_the_slower_of_arithmetic_and_traffic(cost, seconds):
    gpu = Gpu("", flops=100.0, bandwidth=10.0)
    assert expected_seconds([cost, cost], gpu) == pytest.approx(2 * seconds)


def test_the_guide_shows_these_tables():
    assert cost_tables() in DOCS.read_text(encoding="utf-8")
