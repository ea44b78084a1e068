# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Cut the grids of contextual attention into tiles, as large as memory allows.

Letters as in attention/contextual.py.
"""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy import ndarray

SIDES = (48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)  # larger tiles are no faster
MIB = 1 << 20


class MemoryBudgetError(ValueError):
    """The memory given to the attention is too small for the image."""


class Tile(NamedTuple):
    """A rectangle of a grid whose size is (height, width)."""

    top: int
    left: int
    height: int
    width: int
    grid: tuple[int, int]

    @property
    def rows(self) -> slice:
        return slice(self.top, self.top + self.height)

    @property
    def columns(self) -> slice:
        return slice(self.left, self.left + self.width)

    def with_halo(self, reach: int) -> list[int]:
        """Numbers of the tile's positions and of `reach` more on each side, in row-major order.

        Propagation shifts flattened positions, so the end of a row continues in the next row and
        the end of a column in the next column. Some numbers are below 0 or beyond the grid.
        """
        height, width = self.grid
        return [
            row % height * width + row // height + column
            for row in range(self.top - reach, self.top + self.height + reach)
            for column in range(self.left - reach, self.left + self.width + reach)
        ]

    def around(self, needed: ndarray) -> "Tile | None":
        """Return the smallest part of the tile with all its needed positions; None without any.

        Args:
            needed: bool, of the shape of the grid.
        """
        rows, columns = np.nonzero(needed[self.rows, self.columns])
        if not rows.size:
            return None
        top, left = int(rows.min()), int(columns.min())
        height, width = int(rows.max()) - top + 1, int(columns.max()) - left + 1
        return Tile(self.top + top, self.left + left, height, width, self.grid)

    def split(self, side: int) -> Iterator["Tile"]:
        """Yield parts of at most side x side, as equal as possible, as few as possible."""
        rows, columns = (_parts(size, side) for size in (self.height, self.width))
        for top, height in rows:
            for left, width in columns:
                yield Tile(self.top + top, self.left + left, height, width, self.grid)

    def outside(self, reach: int) -> list[int]:
        """Indices into `with_halo` of positions before the first or after the last column.

        Leaves out the halo's own columns. Going down a column leads out of the grid there, although
        going along a row from the same number leads on.
        """
        height, width = self.grid
        return [
            (row - self.top + reach) * (self.width + 2 * reach) + column - self.left + reach
            for row in range(self.top - reach, self.top + self.height + reach)
            for column in range(self.left, self.left + self.width)
            if not 0 <= column * height + row < height * width
        ]


def tiles_of(grid: tuple[int, int], side: int) -> Iterator[Tile]:
    """Yield tiles of at most side x side that cover a grid (height, width)."""
    return Tile(0, 0, *grid, grid).split(side)


def _parts(size: int, most: int) -> list[tuple[int, int]]:
    """Start and length of parts of at most this length, whose lengths differ by at most 1."""
    count = math.ceil(size / most)
    starts = [size * part // count for part in range(count + 1)]
    return [(start, stop - start) for start, stop in pairwise(starts)]


def tile_side(foreground: list[int], background: list[int], memory: int, options: dict) -> int:
    """Return the largest side of a tile that needs at most `memory` bytes.

    Args:
        foreground: shape [B, C, Hf, Wf].
        background: shape [B, C, Hb, Wb].
        memory: limit in bytes for everything besides arguments and results.
        options: options of `contextual_attention`.

    Raises:
        MemoryBudgetError: even one position at a time does not fit.
    """
    needed = {side: memory_in_tiles(foreground, background, side, options) for side in SIDES}
    for side, needs in needed.items():
        if needs <= memory:
            return side
    raise MemoryBudgetError(
        f"the attention needs at least {math.ceil(needed[SIDES[-1]] / MIB)} MiB for features of "
        f"{foreground[3]} x {foreground[2]}; got {memory // MIB} MiB: allow more memory or use a "
        "smaller image"
    )


def memory_in_tiles(foreground: list[int], background: list[int], side: int, options: dict) -> int:
    """Return an upper bound of the bytes for tiles of this side; shapes as in `tile_side`.

    Measurements confirm the bound.
    """
    channels, rate = foreground[1], options["rate"]
    small, other = (channels * x[2] * x[3] // rate**2 for x in (foreground, background))
    maps = max(3 * small, small + 3 * other)
    haloed = (side + options["propagation_size"] - 1) ** 2
    compared, pasted = channels * options["patch_size"] ** 2, channels * (2 * rate) ** 2
    pair = 5 * haloed**2 + 3 * haloed * compared + 8 * side**2 * pasted
    return 4 * (maps + pair)  # float32
