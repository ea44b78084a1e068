# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Contextual attention of large images in bounded memory.

`fast_attention` holds the score of every foreground position with every background patch, so
its memory grows with the square of the number of pixels. Here both grids are cut into tiles, and
one tile of positions is compared with one tile of patches at a time. The softmax over all patches
is kept as a running maximum and a running sum; when a larger score comes, the sum so far is
rescaled.

Letters as in attention/contextual.py, and N positions of a foreground tile, M patches of a
background tile, E and F the same including the halo that propagation reaches into.

Source: the running softmax is that of Milakov and Gimelshein, Online normalizer calculation for
softmax (2018), arXiv 1805.02867; the rest equals `contextual_attention` up to float rounding.
"""

from collections.abc import Iterator

import paddle
import paddle.nn.functional as F
from numpy import ndarray
from paddle import Tensor

from ppdeepfill.networks.attention.contextual import (
    best_to_offsets,
    check_shapes,
    downsample_nearest,
)
from ppdeepfill.networks.kernels.attention_tiles import Tile, tile_side, tiles_of
from ppdeepfill.networks.kernels.background_patches import known_patches, paste_padding, patch_norm
from ppdeepfill.networks.kernels.running_softmax import RunningSoftmax, product_transposed


@paddle.no_grad()
def contextual_attention_in_blocks(
    foreground: Tensor,
    background: Tensor,
    mask: Tensor | None = None,
    *,
    memory: int,
    needed: ndarray | None = None,
    **options,
) -> tuple[Tensor, Tensor]:
    """Rebuild the foreground as `contextual_attention` does, without its large temporaries.

    Args:
        foreground: [B, C, Hf, Wf] features to rebuild.
        background: [B, C, Hb, Wb] features to take patches from.
        mask: [B, 1, Hb, Wb] or [1, 1, Hb, Wb], 1 = hole; None allows the whole background.
        memory: limit in bytes for everything besides arguments and results.
        needed: bool [B, hf, wf], the positions to rebuild; the others may be left 0. None: all.
        **options: every option of `contextual_attention`.

    Returns:
        The rebuilt features [B, C, Hf, Wf] and the offsets [B, 2, hf, wf] int64 to the patch with
        the largest weight; neither has gradients.

    Raises:
        MemoryBudgetError: `memory` is too small for this size.
        ValueError: as in `contextual_attention`.
    """
    check_shapes(foreground, background, mask, options["rate"], options["stride"])
    rate = options["rate"]
    grid = (foreground.shape[2] // rate, foreground.shape[3] // rate)
    side = tile_side(foreground.shape, background.shape, memory, options)
    features = paddle.zeros_like(foreground)
    best = paddle.zeros([foreground.shape[0], *grid], "int64")
    for i in range(foreground.shape[0]):
        hole = None if mask is None else mask[i % mask.shape[0]].unsqueeze(0)
        sample = _Sample(foreground[i : i + 1], background[i : i + 1], hole, options)
        for tile in _needed_tiles(grid, side, None if needed is None else needed[i]):
            columns, chosen = sample.rebuild(tile, side)
            best[i, tile.rows, tile.columns] = chosen.reshape([tile.height, tile.width])
            _add_patches(features, i, columns, tile, rate)
    return features, best_to_offsets(best, background.shape[3] // rate // options["stride"])


def _needed_tiles(grid: tuple[int, int], side: int, needed: ndarray | None) -> Iterator[Tile]:
    if needed is None:
        yield from tiles_of(grid, side)
        return
    box = Tile(0, 0, *grid, grid).around(needed)
    for tile in box.split(side) if box else ():
        part = tile.around(needed)
        if part is not None:
            yield part


class _Sample:
    """The data shared by all pairs of tiles of one sample; arguments as above with B = 1."""

    def __init__(self, foreground: Tensor, background: Tensor, mask: Tensor | None, options: dict):
        size, stride, rate = options["patch_size"], options["stride"], options["rate"]
        reference = options["reference"]
        self.asking = _asking_patches(foreground, options)
        small = downsample_nearest(background, rate, reference)  # [1, C, hb, wb]
        norm = patch_norm(small, size, stride, reference).flatten()  # [L]
        self.answering = _Patches(small, size, stride, 1.0 / norm)
        self.known = None
        if mask is not None:
            mask = downsample_nearest(mask, rate, reference)
            self.known = known_patches(mask, size, stride).flatten()  # [L]
        self.background = background
        self.grid = (small.shape[2] // stride, small.shape[3] // stride)
        self.reach = options["propagation_size"] // 2
        self.rate, self.stride = rate, stride

    def rebuild(self, tile: Tile, side: int) -> tuple[Tensor, Tensor]:
        """Patches [N, C * k * k] to paste on a tile, and numbers [N] of the best matches."""
        asking = self.asking.at(tile.with_halo(self.reach) + [-1] * (2 * self.reach + 1))
        size = self.background.shape[1] * (2 * self.rate) ** 2  # C * k * k
        softmax = RunningSoftmax(tile.height * tile.width, size, asking.dtype)
        for other in tiles_of(self.grid, side):
            answering = self.answering.at(other.with_halo(self.reach))
            scores = product_transposed(asking, answering)  # [E + 2 * reach + 1, F]
            scores = _propagate(scores.flatten(), tile, other, self.reach)  # [N, M]
            numbers = paddle.to_tensor(other.with_halo(0))
            known = None if self.known is None else self.known.gather(numbers)
            if known is not None and known.all():
                known = None
            patches = _cut_patches(self.background, other, self.rate, self.stride)
            softmax.add(scores, patches, numbers, known)
        return softmax.columns / softmax.total, softmax.best


class _Patches:
    """The k x k patches of a map [1, C, h, w] by number, each multiplied by its factor [count]."""

    def __init__(self, x: Tensor, size: int, stride: int, factor: Tensor):
        reach = size // 2
        self.columns, self.stride = x.shape[3] // stride, stride
        self.width = x.shape[3] + 2 * reach
        self.positions = F.pad(x, [reach] * 4).transpose([0, 2, 3, 1]).flatten(0, 2)
        self.window = [row * self.width + column for row in range(size) for column in range(size)]
        self.count, self.factor = factor.shape[0], F.pad(factor, [0, 1])

    def at(self, numbers: list[int]) -> Tensor:
        """Patches [len(numbers), k * k * C]; zeros for numbers outside the grid."""
        numbers = [n if 0 <= n < self.count else self.count for n in numbers]
        firsts = [self._first(n % self.count) for n in numbers]
        index = paddle.to_tensor(firsts).unsqueeze(1) + paddle.to_tensor(self.window)
        patches = self.positions.gather(index.flatten()).reshape([len(numbers), -1])
        return patches.multiply_(self.factor.gather(paddle.to_tensor(numbers)).unsqueeze(1))

    def _first(self, number: int) -> int:
        row, column = divmod(number, self.columns)
        return (row * self.width + column) * self.stride


def _asking_patches(foreground: Tensor, options: dict) -> _Patches:
    foreground = downsample_nearest(foreground, options["rate"], options["reference"])
    positions = foreground.shape[2] * foreground.shape[3]
    scale = paddle.full([positions], options["softmax_scale"], foreground.dtype)
    return _Patches(foreground, options["patch_size"], 1, scale)


def _propagate(scores: Tensor, tile: Tile, other: Tile, reach: int) -> Tensor:
    """Diagonal sums along rows, then along columns: flat [(E + 2 * reach + 1) * F] -> [N, M].

    Both tiles include their halo, so shifting both means one shift of the flattened scores. Sums
    that mix two rows of a tile fall into its halo and are cut off.
    """
    size = 2 * reach + 1
    width, other_width = tile.width + 2 * reach, other.width + 2 * reach
    length = (other.height + 2 * reach) * other_width  # F
    scores = _sum_shifted(scores, length + 1, size)
    for row in tile.outside(reach):
        scores[(row - reach) * length : (row - reach + 1) * length] = 0.0
    for column in other.outside(reach):
        scores[column - reach :: length] = 0.0
    scores = _sum_shifted(scores, width * length + other_width, size)
    scores = scores[: tile.height * width * length]
    patches = other.height * other.width
    # Paddle crops fast only along two axes.
    scores = scores.reshape([-1, other_width])[:, : other.width]
    scores = scores.reshape([tile.height * width, -1])[:, :patches]
    return scores.reshape([tile.height, -1])[:, : tile.width * patches].reshape([-1, patches])


def _sum_shifted(scores: Tensor, step: int, size: int) -> Tensor:
    """sum over s < size of scores[s * step :], cut to the length of the shortest."""
    if size == 1:
        return scores
    length = scores.shape[0] - (size - 1) * step
    total = scores[:length] + scores[step : step + length]
    for s in range(2, size):
        total.add_(scores[s * step : s * step + length])
    return total


def _cut_patches(background: Tensor, tile: Tile, rate: int, stride: int) -> Tensor:
    """The pasted patches of a tile: [1, C, Hb, Wb] -> [C * k * k, M] with k = 2 * rate."""
    step, (before, _) = rate * stride, paste_padding(rate)
    starts = [tile.top * step - before, tile.left * step - before]
    stops = [
        start + (count - 1) * step + 2 * rate
        for start, count in zip(starts, (tile.height, tile.width), strict=True)
    ]
    (top, bottom), (left, right) = (
        (max(start, 0), min(stop, size))
        for start, stop, size in zip(starts, stops, background.shape[2:], strict=True)
    )
    outside = [left - starts[1], stops[1] - right, top - starts[0], stops[0] - bottom]
    part = F.pad(background[:, :, top:bottom, left:right], outside)
    return F.unfold(part, 2 * rate, strides=step).squeeze(0)


def _add_patches(features: Tensor, sample: int, columns: Tensor, tile: Tile, rate: int) -> None:
    """Lay the patches [N, C * k * k] of a tile into one sample of the features [B, C, Hf, Wf]."""
    columns = columns.t().unsqueeze(0)  # [1, C * k * k, N]
    pasted = _overlap(columns, (tile.height, tile.width), 2 * rate, rate)[0] / 4.0
    before, _ = paste_padding(rate)
    top, left = tile.top * rate - before, tile.left * rate - before
    height, width = features.shape[2:]
    down = slice(max(top, 0), min(top + pasted.shape[1], height))
    across = slice(max(left, 0), min(left + pasted.shape[2], width))
    # Write through `features` itself: before Paddle 3, a slice is a copy.
    features[sample, :, down, across] += pasted[
        :, down.start - top : down.stop - top, across.start - left : across.stop - left
    ]


def _overlap(columns: Tensor, grid: tuple[int, int], size: int, rate: int) -> Tensor:
    """Add up square patches laid `rate` apart, with borders: [1, C * size**2, h * w] -> map."""
    channels = columns.shape[1] // size**2
    one_hot = paddle.eye(size**2, dtype=columns.dtype).tile([channels, 1])
    filters = one_hot.reshape([columns.shape[1], 1, size, size])
    columns = columns.reshape([1, columns.shape[1], *grid])
    return F.conv2d_transpose(columns, filters, stride=rate, groups=channels)
