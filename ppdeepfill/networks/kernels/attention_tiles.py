# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""How the grids of contextual attention are cut into tiles, and how large a tile may be.

Letters as in attention/contextual.py.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

SIDES = (48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)  # larger tiles gain no more speed
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

        Propagation shifts flattened positions: along a row by one number, so that the end of a row
        leads to the next row; down a column likewise, so that its end leads to the next column.
        Some numbers are below 0 or beyond the grid.
        """
        height, width = self.grid
        return [
            row % height * width + row // height + column
            for row in range(self.top - reach, self.top + self.height + reach)
            for column in range(self.left - reach, self.left + self.width + reach)
        ]

    def outside(self, reach: int) -> list[int]:
        """Which of `with_halo`, halo columns aside, lie before the first or behind the last column.

        The way down a column leads there, though the way along a row leads on from the same number.
        """
        height, width = self.grid
        return [
            (row - self.top + reach) * (self.width + 2 * reach) + column - self.left + reach
            for row in range(self.top - reach, self.top + self.height + reach)
            for column in range(self.left, self.left + self.width)
            if not 0 <= column * height + row < height * width
        ]


def tiles_of(grid: tuple[int, int], side: int) -> Iterator[Tile]:
    """Tiles of at most side x side that cover a grid (height, width)."""
    height, width = grid
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield Tile(top, left, min(side, height - top), min(side, width - left), grid)


def tile_side(foreground: list[int], background: list[int], memory: int, options: dict) -> int:
    """The largest side of a tile that needs at most `memory` bytes.

    Args:
        foreground: the shape [B, C, Hf, Wf].
        background: the shape [B, C, Hb, Wb].
        memory: bytes for all that lives beside the arguments and the results.
        options: those of `contextual_attention`.

    Raises:
        MemoryBudgetError: not even one position at a time fits.
    """
    needed = {side: memory_in_tiles(foreground, background, side, options) for side in SIDES}
    for side, needs in needed.items():
        if needs <= memory:
            return side
    raise MemoryBudgetError(
        f"the attention needs at least {math.ceil(needed[SIDES[-1]] / MIB)} MiB for features of "
        f"{foreground[3]} x {foreground[2]}; got {memory // MIB} MiB: give it more memory, or a "
        "smaller image"
    )


def memory_in_tiles(foreground: list[int], background: list[int], side: int, options: dict) -> int:
    """An upper bound, measured, of the bytes needed with tiles of a side; shapes as `tile_side`."""
    channels, rate = foreground[1], options["rate"]
    small, other = (channels * x[2] * x[3] // rate**2 for x in (foreground, background))
    maps = max(3 * small, small + 3 * other)
    haloed = (side + options["propagation_size"] - 1) ** 2
    compared, pasted = channels * options["patch_size"] ** 2, channels * (2 * rate) ** 2
    pair = 5 * haloed**2 + 3 * haloed * compared + 8 * side**2 * pasted
    return 4 * (maps + pair)  # float32
