# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Contextual attention with fewer multiplications, and without operators that are slow on a CPU.

It gives the same numbers as `attention/contextual.py` up to float rounding, which tests check.

Letters as there.
"""

import paddle
import paddle.nn.functional as F
from paddle import Tensor

from ppdeepfill.networks.attention.contextual import (
    NORM_FLOOR,
    NORM_OFFSET,
    check_shapes,
    downsample_nearest,
)
from ppdeepfill.networks.kernels.product import product
from ppdeepfill.networks.kernels.score_maps import (
    continue_columns,
    crop,
    repeated,
    sum_shifted,
    with_zeros,
)
from ppdeepfill.networks.reference import Reference


def fast_attention(
    foreground: Tensor,
    background: Tensor,
    mask: Tensor | None,
    *,
    patch_size: int,
    stride: int,
    rate: int,
    propagation_size: int,
    softmax_scale: float,
    reference: Reference,
) -> tuple[Tensor, Tensor]:
    """Features [B, C, Hf, Wf] and weights [B, L, hf, wf]: see `contextual_attention`."""
    if paddle.in_dynamic_mode():  # while exporting a graph, sizes are symbolic
        check_shapes(foreground, background, mask, rate, stride)

    foreground_small = downsample_nearest(foreground, rate, reference)  # [B, C, hf, wf]
    background_small = downsample_nearest(background, rate, reference)  # [B, C, hb, wb]
    grid = _grid(foreground_small)
    background_grid = _grid(background_small[:, :, ::stride, ::stride])
    # One name from scores to weights, so that each large tensor is freed when the next one comes.
    attention_BPL = cosine_similarity(
        foreground_small * softmax_scale, background_small, patch_size, stride, reference
    )
    attention_BPL = propagate(attention_BPL, grid, background_grid, propagation_size)
    if mask is None:
        attention_BPL = F.softmax(attention_BPL, axis=-1)
    else:
        mask_small = downsample_nearest(mask, rate, reference)
        known_B1L = known_patches(mask_small, patch_size, stride)
        attention_BPL = _softmax_of_known(attention_BPL, known_B1L)
    pasted = paste(attention_BPL, background, grid, rate, stride)
    attention = attention_BPL.reshape([0, *grid, -1])
    return pasted, attention.transpose([0, 3, 1, 2])


# s[p, l] = sum over the k x k positions i of <f[p + i], b[l + i]>, divided by |b[l]|
def cosine_similarity(
    foreground: Tensor, background: Tensor, patch_size: int, stride: int, reference: Reference
) -> Tensor:
    """Scores [B, P, L] of [B, C, hf, wf] against [B, C, hb, wb].

    The product of two k x k patches is the sum of k * k products of single positions. Here every
    pair of positions is multiplied once, and the products are added up along the diagonals of the
    scores: k * k times fewer multiplications than comparing whole patches.
    """
    (hf, wf), (hb, wb), reach = _grid(foreground), _grid(background), patch_size // 2
    # With zeros around both maps, shifting both means one shift of the flattened scores. Shifting
    # the last row reaches into one more row.
    padding = [reach, reach, reach, reach + 1]
    asking, answering = F.pad(foreground, padding), F.pad(background, padding)
    row_f, row_b = wf + 2 * reach, wb + 2 * reach
    scores = product(asking.flatten(2), answering.flatten(2), transpose_x=True)
    kept = [(hf + 2 * reach) * row_f, (hb + 2 * reach) * row_b]
    scores = sum_shifted(scores, [1, 1], patch_size, kept)
    scores = sum_shifted(scores, [row_f, row_b], patch_size, [hf * row_f, hb * row_b])
    scores = crop(scores.reshape([-1, row_f, hb, row_b]), [0, 0, 0], [wf, hb, wb])
    if stride > 1:
        scores = scores[:, :, ::stride, ::stride]
    norm = patch_norm(background, patch_size, stride, reference)  # [B, 1, L]
    scores = scores.reshape([-1, hf * wf, norm.shape[2]])
    return scores / repeated(norm, scores)


# s'[p, l] = sum over i of s[p + i, l + i], i along the rows and then along the columns
def propagate(
    similarity_BPL: Tensor,
    foreground_grid: tuple[int, int],
    background_grid: tuple[int, int],
    size: int,
) -> Tensor:
    """Scores [B, P, L] -> [B, P, L], by sums of shifted scores."""
    if size == 1:
        return similarity_BPL
    (hf, wf), (hb, wb), reach = foreground_grid, background_grid, size // 2
    grids = [hf * wf, hb * wb]
    scores = with_zeros(with_zeros(similarity_BPL, 2, reach, reach), 1, reach, reach)
    scores = sum_shifted(scores, [1, 1], size, grids)
    scores = continue_columns(scores, 2, background_grid, reach)
    scores = continue_columns(scores, 1, foreground_grid, reach)
    return sum_shifted(scores, [wf, wb], size, grids)


# y = 1/4 sum over p, l of w[p, l] times patch l of the background, laid on position p
def paste(
    attention_BPL: Tensor,
    background: Tensor,
    foreground_grid: tuple[int, int],
    rate: int,
    stride: int,
) -> Tensor:
    """Weights [B, P, L] and background [B, C, Hb, Wb] -> [B, C, Hf, Wf].

    Patches are 2 * rate wide and placed `rate` apart, so four patches overlap in each cell of
    rate x rate positions, each with a different quarter. Quarters of neighbouring patches can be
    the same cell of the background. Here the weights of such patches are added up first and then
    cells are mixed, which takes a quarter of the multiplications of mixing patches.
    """
    (hf, wf), (before, after) = foreground_grid, paste_padding(rate)
    padding = [before, before, after, after]
    cells = F.unfold(background, rate, strides=rate, paddings=padding)  # [B, C * rate * rate, L']
    hb, wb = background.shape[2] // rate, background.shape[3] // rate
    weights = attention_BPL
    if stride > 1:
        weights = _spread(weights, [hb // stride, wb // stride], stride)
    weights = _cell_weights(weights, [hf, wf], [hb, wb])  # [B, P', L']
    pasted = product(cells, weights, transpose_y=True)
    pasted = pasted.reshape([-1, background.shape[1] * rate**2, hf + 1, wf + 1])
    pasted = F.pixel_shuffle(pasted, rate)
    return crop(pasted, [before, before], [hf * rate, wf * rate]) / 4.0


def _grid(x: Tensor) -> tuple[int, int]:
    return x.shape[2], x.shape[3]


def _softmax_of_known(scores_BPL: Tensor, known_B1L: Tensor) -> Tensor:
    """Weights [B, P, L]. As in both references, masked patches enter with score 0, then get 0."""
    known_BPL = repeated(known_B1L, scores_BPL)
    return F.softmax(scores_BPL * known_BPL, axis=-1) * known_BPL


def _spread(attention_BPL: Tensor, grid: list[int], stride: int) -> Tensor:
    """Insert zeros for the patches that the stride skipped: [B, P, L * stride**2]."""
    rows = attention_BPL.shape[1] * grid[0]
    weights = F.pad(attention_BPL.reshape([-1, rows, grid[1], 1]), [0, stride - 1, 0, 0])
    weights = weights.reshape([-1, rows, 1, grid[1] * stride])
    weights = F.pad(weights, [0, 0, 0, stride - 1])
    return weights.reshape([-1, attention_BPL.shape[1], grid[0] * grid[1] * stride**2])


def _cell_weights(weights_BPL: Tensor, foreground: list[int], background: list[int]) -> Tensor:
    """Weights of patches -> weights of cells [B, (hf + 1) * (wf + 1), (hb + 1) * (wb + 1)].

    The top left cell of a patch is also the top right cell of its left neighbour, and so on: two
    pairs of patch and position add up along rows, then two along columns.
    """
    (hf, wf), (hb, wb) = foreground, background
    weights = with_zeros(weights_BPL.reshape([-1, hb, wb]), 2, 1, 0)
    weights = with_zeros(weights, 1, 1, 2)
    wf, wb = wf + 1, wb + 1
    weights = with_zeros(weights.reshape([-1, wf - 1, (hb + 3) * wb]), 1, 1, 0)
    weights = with_zeros(weights.reshape([-1, hf, wf * (hb + 3) * wb]), 1, 1, 2)
    weights = weights.reshape([-1, (hf + 3) * wf, (hb + 3) * wb])
    weights = sum_shifted(weights, [1, 1], 2, [(hf + 2) * wf, (hb + 2) * wb])
    return sum_shifted(weights, [wf, wb], 2, [(hf + 1) * wf, (hb + 1) * wb])


def _box_sum(x: Tensor, size: int, stride: int) -> Tensor:
    """Sum over each size x size box of [B, 1, h, w], zeros beyond the border -> [B, 1, L]."""
    ones = paddle.ones([1, 1, size, size], x.dtype)
    return F.conv2d(x, ones, stride=stride, padding=size // 2).flatten(2)


def paste_padding(rate: int) -> tuple[int, int]:
    """Zeros to add before and after an axis so that each position has one patch of 2 * rate."""
    return rate // 2, rate - rate // 2


def patch_norm(background: Tensor, patch_size: int, stride: int, reference: Reference) -> Tensor:
    """Length of each background patch, bounded away from 0: [B, 1, L]."""
    squares = _box_sum(background.square().sum(axis=1, keepdim=True), patch_size, stride)
    if reference == "torch":
        return (squares + NORM_OFFSET * background.shape[1] * patch_size**2).sqrt()
    return squares.clip(min=NORM_FLOOR**2).sqrt()


def known_patches(mask: Tensor, patch_size: int, stride: int) -> Tensor:
    """1 for background patches entirely outside the hole, else 0: [B, 1, L]."""
    return (_box_sum(mask, patch_size, stride) == 0).astype(mask.dtype)
