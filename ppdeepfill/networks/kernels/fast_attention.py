# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Contextual attention with fewer multiplications, and without operators that are slow on a CPU.

It gives the same numbers as `attention/contextual.py` up to float rounding, which tests check.

Letters as there.
"""

import math
from typing import NamedTuple

import paddle
import paddle.nn.functional as F
from paddle import Tensor

from ppdeepfill.networks.attention.contextual import check_shapes, downsample_nearest
from ppdeepfill.networks.kernels.background_patches import (
    known_patches,
    paste_padding,
    patch_norm,
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


class Geometry(NamedTuple):
    """Sizes of the maps and options.

    Attributes:
        foreground: (hf, wf).
        background: (hb, wb).
        patch_size, stride, rate, propagation_size: as in `contextual_attention`.
    """

    foreground: tuple[int, int]
    background: tuple[int, int]
    patch_size: int
    stride: int
    rate: int
    propagation_size: int

    @property
    def patches(self) -> tuple[int, int]:
        """The grid of background patches."""
        return self.background[0] // self.stride, self.background[1] // self.stride


class Operands(NamedTuple):
    """What scores and features are computed from; all but `known` pass gradients on.

    Attributes:
        asking, answering: [B, C, h, w] small maps with zeros around: `patch_size // 2` positions,
            and one more row at the bottom. The softmax scale is part of the first.
        norm: [B, 1, L] length of each patch.
        cells: [B, C * rate**2, L'] the background in cells of rate x rate positions, see
            `mixed_cells`; L' = (hb + 1) * (wb + 1), because patches reach over the border.
        known: [B, 1, L] or [1, 1, L], 1 for patches outside the hole, else 0; None: all are.
    """

    asking: Tensor
    answering: Tensor
    norm: Tensor
    cells: Tensor
    known: Tensor | None


def fast_attention(
    foreground: Tensor, background: Tensor, mask: Tensor | None, **options
) -> tuple[Tensor, Tensor]:
    """Features [B, C, Hf, Wf] and weights [B, L, hf, wf]: see `contextual_attention`."""
    operands, geometry = prepared(foreground, background, mask, **options)
    # One name from scores to weights, so that each large tensor is freed when the next one comes.
    attention_BPL = cosine_similarity(operands, geometry)
    attention_BPL = propagate(attention_BPL, geometry)
    attention_BPL = softmax_of_known(attention_BPL, operands.known)
    cells = mixed_cells(attention_BPL, operands.cells, geometry.foreground[0], geometry)
    return laid_out(cells, geometry), as_maps(attention_BPL, geometry)


def prepared(
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
) -> tuple[Operands, Geometry]:
    """Compute everything whose size does not grow with pairs of positions and patches.

    Arguments as in `contextual_attention`.
    """
    if paddle.in_dynamic_mode():  # while exporting a graph, sizes are symbolic
        check_shapes(foreground, background, mask, rate, stride)
    asking = downsample_nearest(foreground, rate, reference) * softmax_scale  # [B, C, hf, wf]
    answering = downsample_nearest(background, rate, reference)  # [B, C, hb, wb]
    known = None
    if mask is not None:
        known = known_patches(downsample_nearest(mask, rate, reference), patch_size, stride)
    reach, (before, after) = patch_size // 2, paste_padding(rate)
    around = [reach, reach, reach, reach + 1]
    operands = Operands(
        F.pad(asking, around),
        F.pad(answering, around),
        patch_norm(answering, patch_size, stride, reference),
        F.unfold(background, rate, strides=rate, paddings=[before, before, after, after]),
        known,
    )
    sizes = [(x.shape[2], x.shape[3]) for x in (asking, answering)]
    return operands, Geometry(*sizes, patch_size, stride, rate, propagation_size)


# s[p, l] = sum over the k x k positions i of <f[p + i], b[l + i]>, divided by |b[l]|
def cosine_similarity(operands: Operands, geometry: Geometry) -> Tensor:
    """Scores [B, P, L]."""
    scores = inner_products(operands, geometry)
    return scores / repeated(operands.norm, scores)


def inner_products(operands: Operands, geometry: Geometry) -> Tensor:
    """`cosine_similarity` before the division: [B, P, L].

    The product of two k x k patches is the sum of k * k products of single positions. Here every
    pair of positions is multiplied once, and the products are added up along the diagonals of the
    scores: k * k times fewer multiplications than comparing whole patches.
    """
    (hf, wf), (hb, wb), size = geometry.foreground, geometry.background, geometry.patch_size
    # With zeros around both maps, shifting both means one shift of the flattened scores. Shifting
    # the last row reaches into one more row.
    row_f, row_b = wf + size - 1, wb + size - 1
    scores = product(operands.asking.flatten(2), operands.answering.flatten(2), transpose_x=True)
    scores = sum_shifted(scores, [1, 1], size, [(hf + size - 1) * row_f, (hb + size - 1) * row_b])
    scores = sum_shifted(scores, [row_f, row_b], size, [hf * row_f, hb * row_b])
    scores = crop(scores.reshape([-1, row_f, hb, row_b]), [0, 0, 0], [wf, hb, wb])
    if geometry.stride > 1:
        scores = scores[:, :, :: geometry.stride, :: geometry.stride]
    return scores.reshape([-1, hf * wf, operands.norm.shape[2]])


# s'[p, l] = sum over i of s[p + i, l + i], i along the rows and then along the columns
def propagate(similarity_BPL: Tensor, geometry: Geometry) -> Tensor:
    """Scores [B, P, L] -> [B, P, L], by sums of shifted scores."""
    (hf, wf), reach = geometry.foreground, geometry.propagation_size // 2
    if reach == 0:
        return similarity_BPL
    scores = with_zeros(similarity_BPL, 1, reach, reach)
    scores = add_neighbours_in_rows(scores, hf * wf, geometry)
    scores = continue_columns(scores, 1, geometry.foreground, reach)
    return add_neighbours_in_columns(scores, hf, geometry)


def add_neighbours_in_rows(scores: Tensor, positions: int, geometry: Geometry) -> Tensor:
    """First step of `propagate`: [B, N + 2 * reach, L] -> [B, N, L] for N successive positions."""
    size, reach = geometry.propagation_size, geometry.propagation_size // 2
    scores = with_zeros(scores, 2, reach, reach)
    return sum_shifted(scores, [1, 1], size, [positions, math.prod(geometry.patches)])


def add_neighbours_in_columns(scores: Tensor, rows: int, geometry: Geometry) -> Tensor:
    """Second step, for N successive rows: [B, (N + 2 * reach) * wf, L] -> [B, N * wf, L]."""
    size, reach = geometry.propagation_size, geometry.propagation_size // 2
    (_, wf), grid = geometry.foreground, geometry.patches
    scores = continue_columns(scores, 2, grid, reach)
    return sum_shifted(scores, [wf, grid[1]], size, [rows * wf, math.prod(grid)])


def softmax_of_known(
    scores_BPL: Tensor, known_B1L: Tensor | None, inside_1P1: Tensor | None = None
) -> Tensor:
    """Weights [B, P, L]. As in both references, masked patches enter with score 0, then get 0.

    So does everything at positions where `inside` is 0; None: nowhere.
    """
    if inside_1P1 is not None:
        known_B1L = paddle.ones_like(scores_BPL[:, :1]) if known_B1L is None else known_B1L
        known_BPL = paddle.matmul(inside_1P1, known_B1L)
    elif known_B1L is not None:
        known_BPL = repeated(known_B1L, scores_BPL)
    else:
        return F.softmax(scores_BPL, axis=-1)
    return F.softmax(scores_BPL * known_BPL, axis=-1) * known_BPL


# y = 1/4 sum over p, l of w[p, l] times patch l of the background, laid on position p
def mixed_cells(attention_BPL: Tensor, cells: Tensor, rows: int, geometry: Geometry) -> Tensor:
    """Weights [B, N * wf, L] of N rows -> features [B, C * rate**2, N + 1, wf + 1] in cells.

    Patches are 2 * rate wide and placed `rate` apart, so four patches overlap in each cell of
    rate x rate positions, each with a different quarter. Quarters of neighbouring patches can be
    the same cell of the background. Here the weights of such patches are added up first and then
    cells are mixed, which takes a quarter of the multiplications of mixing patches.
    """
    (_, wf), (hb, wb) = geometry.foreground, geometry.background
    weights = attention_BPL
    if geometry.stride > 1:
        weights = _spread(weights, geometry.patches, geometry.stride)
    weights = _cell_weights(weights, [rows, wf], [hb, wb])  # [B, P', L']
    mixed = product(cells, weights, transpose_y=True)
    return mixed.reshape([-1, cells.shape[1], rows + 1, wf + 1])


def laid_out(cells: Tensor, geometry: Geometry) -> Tensor:
    """Features in cells [B, C * rate**2, hf + 1, wf + 1] -> [B, C, Hf, Wf]."""
    (hf, wf), rate, (before, _) = geometry.foreground, geometry.rate, paste_padding(geometry.rate)
    features = F.pixel_shuffle(cells, rate)
    return crop(features, [before, before], [hf * rate, wf * rate]) / 4.0


def as_maps(attention_BPL: Tensor, geometry: Geometry) -> Tensor:
    """Weights [B, P, L] -> [B, L, hf, wf]."""
    return attention_BPL.reshape([0, *geometry.foreground, -1]).transpose([0, 3, 1, 2])


def _spread(attention_BPL: Tensor, grid: tuple[int, int], stride: int) -> Tensor:
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
