# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Attention in blocks gives the numbers of the attention as a whole, in the memory it was given."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
import reference

from ppdeepfill.networks import (
    ContextualAttention,
    attention_to_offsets,
    build_network,
    offsets_of,
)
from ppdeepfill.networks.attention.contextual import contextual_attention
from ppdeepfill.networks.kernels import (
    MemoryBudgetError,
    attention_memory_limit,
    contextual_attention_in_blocks,
)
from ppdeepfill.networks.kernels.attention import whole_memory
from ppdeepfill.networks.kernels.attention_in_blocks import _needed_tiles
from ppdeepfill.networks.kernels.attention_tiles import Tile, memory_in_tiles, tile_side, tiles_of

ROOT = Path(__file__).resolve().parents[3]
OUTPUT_TOLERANCE = 2e-5  # as in attention/test_contextual.py

CASES = {
    **reference.ATTENTION_CASES,
    "far propagation": ((10, 8), (10, 8), {"propagation_size": 7, "softmax_scale": 3.0}),
}


def in_blocks(foreground, background, mask, side: int, **options):
    """Blocks from the least memory that allows tiles of this side."""
    all_options = ContextualAttention(**options).options
    memory = memory_in_tiles(foreground.shape, background.shape, side, all_options)
    return contextual_attention_in_blocks(
        foreground, background, mask, memory=memory, **all_options
    )


def as_a_whole(foreground, background, mask, **options):
    with paddle.no_grad():
        return contextual_attention(foreground, background, mask, **options)


def random_tensor(rng, *shape, dtype="float64") -> paddle.Tensor:
    return paddle.to_tensor(rng.standard_normal(shape).astype(dtype))


def random_holes(rng, *shape) -> paddle.Tensor:
    return paddle.to_tensor((rng.random(shape) < 0.03).astype(np.float64))


def check_offsets(offsets, attention, background_grid):
    """Equal wherever one weight is clearly the largest."""
    sorted_weights = np.sort(attention.numpy(), axis=1)
    second = sorted_weights[:, -2] if attention.shape[1] > 1 else 0.0
    decided = sorted_weights[:, -1] - second > 1e-9
    expected = attention_to_offsets(attention, background_grid)
    agree = (offsets == expected).all(axis=1).numpy()
    assert decided.any()
    assert agree[decided].all()


@pytest.mark.parametrize("side", [2, 3, 48])
@pytest.mark.parametrize("case", CASES)
def test_blocks_equal_the_whole(case, side, rng):
    check_case(case, side, 2, rng)


@pytest.mark.parametrize("masks", [0, 1, 2], ids=["no mask", "shared mask", "own masks"])
def test_single_positions_equal_the_whole(masks, rng):
    for case in ("one row", "one column", "single positions"):
        check_case(case, 1, masks, rng)


def check_case(case: str, side: int, masks: int, rng):
    """In float64, where rounding hides nothing: a wrong neighbour anywhere would show."""
    foreground_size, background_size, options = CASES[case]
    foreground = random_tensor(rng, 2, 3, *foreground_size)
    background = random_tensor(rng, 2, 3, *background_size)
    mask = random_holes(rng, masks, 1, *background_size) if masks else None
    expected, attention = as_a_whole(foreground, background, mask, **options)
    features, offsets = in_blocks(foreground, background, mask, side, **options)
    assert reference.relative_error(features, expected.numpy()) < 1e-11
    step = options.get("rate", 2) * options.get("stride", 1)
    check_offsets(offsets, attention, tuple(size // step for size in background_size))


@pytest.mark.parametrize("borders", ["tensorflow", "torch"])
def test_blocks_follow_either_reference(borders, rng):
    features, mask = random_tensor(rng, 1, 3, 12, 8), random_holes(rng, 1, 1, 12, 8)
    expected, _ = as_a_whole(features, features, mask, reference=borders)
    ours, _ = in_blocks(features, features, mask, 3, reference=borders)
    assert reference.relative_error(ours, expected.numpy()) < 1e-11


def test_in_float32_blocks_are_as_precise_as_the_whole(rng):
    features, mask = random_tensor(rng, 1, 16, 32, 24), random_holes(rng, 1, 1, 32, 24)
    exact = as_a_whole(features, features, mask)[0].numpy()
    features, mask = features.astype("float32"), mask.astype("float32")
    error_of_whole = reference.relative_error(as_a_whole(features, features, mask)[0], exact)
    error_of_blocks = reference.relative_error(in_blocks(features, features, mask, 8)[0], exact)
    assert error_of_blocks < 2 * error_of_whole + 1e-6


def test_blocks_agree_with_authors(own_arrays):
    arrays = np.load(own_arrays / "tensorflow_attention.npz")
    case = "c01_self_mask_r2_fuse"
    foreground, mask, expected = (
        arrays[f"{case}.{name}"].transpose(0, 3, 1, 2).copy() for name in ("f", "mask", "y")
    )
    foreground, mask = paddle.to_tensor(foreground), paddle.to_tensor(mask)
    features, offsets = in_blocks(foreground, foreground, mask, 6)
    assert reference.relative_error(features, expected) < OUTPUT_TOLERANCE
    height, width = offsets.shape[2:]
    best = (offsets.numpy() + np.indices((height, width))).transpose(1, 0, 2, 3)
    best = best[0] * width + best[1]
    clear = arrays[f"{case}.logit_margin"] > 1e-3
    np.testing.assert_array_equal(best[clear], arrays[f"{case}.argmax"][clear])


def test_full_hole_gives_zeros(rng):
    features = random_tensor(rng, 1, 3, 8, 8, dtype="float32")
    ours, _ = in_blocks(features, features, paddle.ones([1, 1, 8, 8]), 3)
    assert not ours.numpy().any()


def test_vast_scores_stay_finite(rng):
    features = random_tensor(rng, 1, 3, 8, 8) * 1e4
    expected, _ = as_a_whole(features, features, None)
    ours, _ = in_blocks(features, features, None, 2)
    assert reference.relative_error(ours, expected.numpy()) < 1e-8


# --- tiles and memory -------------------------------------------------------------------------


@pytest.mark.parametrize("side", [1, 3, 8])
def test_tiles_cover_the_grid_once(side):
    covered = np.zeros([5, 7], int)
    for tile in tiles_of((5, 7), side):
        covered[tile.rows, tile.columns] += 1
        assert max(tile.height, tile.width) <= side
    assert (covered == 1).all()


def test_needed_positions_are_cut_into_few_equal_tiles():
    needed = np.zeros([100, 120], bool)
    needed[20:91, 13:84] = True
    tiles = list(_needed_tiles((100, 120), 48, needed))
    assert sorted(tile.height * tile.width for tile in tiles) == [
        35 * 35,
        35 * 36,
        35 * 36,
        36 * 36,
    ]
    assert sum(needed[tile.rows, tile.columns].sum() for tile in tiles) == needed.sum()


def test_the_halo_wraps_as_flattened_positions_do():
    """A 2 x 2 tile in the corner of a 3 x 4 grid; 0 and 11 are the first and the last number."""
    tile = Tile(0, 0, 2, 2, (3, 4))
    assert np.array(tile.with_halo(1)).reshape(4, 4).tolist() == [
        [6, 7, 8, 9],  # above row 0: the bottom row, one column to the left
        [-1, 0, 1, 2],
        [3, 4, 5, 6],
        [7, 8, 9, 10],
    ]
    assert tile.outside(1) == [1]  # above the first column there is none
    assert Tile(1, 2, 2, 2, (3, 4)).outside(1) == [14]


def test_memory_in_blocks_does_not_grow_with_the_square_of_the_pixels():
    options = ContextualAttention().options
    small, large = [1, 128, 128, 128], [1, 128, 256, 256]
    assert whole_memory(large, large, options) > 10 * whole_memory(small, small, options)
    assert memory_in_tiles(large, large, 32, options) < 2 * memory_in_tiles(
        small, small, 32, options
    )


def test_more_memory_gives_larger_tiles_up_to_a_bound():
    options, shape = ContextualAttention().options, [1, 128, 1000, 752]
    sides = [tile_side(shape, shape, memory << 20, options) for memory in (450, 512, 1024, 2048)]
    assert sides == sorted(sides)
    assert sides[-1] == 48 > sides[0]


def test_too_little_memory_is_refused_with_the_least_that_works(rng):
    features = random_tensor(rng, 1, 64, 64, 64, dtype="float32")
    with pytest.raises(MemoryBudgetError, match=r"at least [\d.]+ MiB .* 64 x 64; got 0") as caught:
        contextual_attention_in_blocks(
            features, features, memory=1000, **ContextualAttention().options
        )
    least = float(re.search(r"at least ([\d.]+) MiB", str(caught.value))[1])
    tile_side(features.shape, features.shape, int(least * (1 << 20)), ContextualAttention().options)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="measures memory on Linux")
@pytest.mark.parametrize("memory", ["0.05", "0.1", "0.4"])
def test_the_memory_really_used_stays_within_the_limit(memory):
    command = [sys.executable, "benchmarks/large_image.py", "512", "512", memory, "attention"]
    environment = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    used = float(re.search(r"([-\d.]+) GiB", run.stdout)[1])
    assert used <= float(memory)


# --- in a network -----------------------------------------------------------------------------


def test_the_layer_works_as_a_whole_where_that_fits(rng):
    features = random_tensor(rng, 1, 4, 16, 16, dtype="float32")
    layer = ContextualAttention()
    fits = whole_memory(features.shape, features.shape, layer.options)
    with paddle.no_grad():
        expected = layer(features, features)
        with attention_memory_limit(fits):
            ours = layer(features, features)
        with attention_memory_limit(fits - 1):
            in_blocks = layer(features, features)
    np.testing.assert_array_equal(ours.features.numpy(), expected.features.numpy())
    np.testing.assert_array_equal(ours.weights.numpy(), expected.weights.numpy())
    assert ours.offsets is None
    assert in_blocks.weights is None and in_blocks.offsets is not None


def test_the_layer_keeps_gradients_whatever_the_limit(rng):
    features = random_tensor(rng, 1, 4, 32, 32, dtype="float32")
    features.stop_gradient = False
    with attention_memory_limit(1):
        ContextualAttention()(features, features).features.sum().backward()
    assert features.grad.abs().max() > 0


def test_a_network_under_a_limit_predicts_the_same_and_keeps_offsets(rng):
    network = build_network("deepfill_v1", base_channels=4)
    network.eval()
    image = paddle.to_tensor(rng.uniform(-1, 1, [2, 3, 64, 48]).astype(np.float32))
    mask = paddle.zeros([2, 1, 64, 48])
    mask[:, :, 24:48, 8:32] = 1.0
    with paddle.no_grad():
        whole = network(image * (1 - mask), mask)
        with attention_memory_limit(150_000):
            blocks = network(image * (1 - mask), mask)
        again = network(image * (1 - mask), mask)
    np.testing.assert_allclose(blocks.refined.numpy(), whole.refined.numpy(), atol=2e-5)
    assert blocks.attention is None and whole.offsets is None
    np.testing.assert_array_equal(again.attention.numpy(), whole.attention.numpy())
    agree = (offsets_of(blocks) == offsets_of(whole)).all(axis=1).astype("float32")
    assert agree.mean() > 0.99  # weights that are nearly equal may change places
