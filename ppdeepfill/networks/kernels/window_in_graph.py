# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A window around the holes in an exported graph, where its place and size are known at run time.

Letters: B batch, C channels, H W map, h w window.
"""

from __future__ import annotations

from typing import NamedTuple

import paddle
from paddle import Tensor

PARTS = 4  # of a side of the map
Size = int | Tensor  # a number in a graph: fixed, or a scalar int64


class Span(NamedTuple):
    """Some positions of an axis.

    Attributes:
        start: the first of them.
        length: how many.
    """

    start: Tensor
    length: Tensor

    @property
    def stop(self) -> Tensor:
        """The position after the last."""
        return self.start + self.length

    def enlarged(self, scale: int) -> Span:
        """The same on a map that is larger by a factor."""
        return Span(self.start * scale, self.length * scale)

    def moved_into(self, outer: Span) -> Span:
        """Move it if it ends after a longer one that begins no later."""
        return Span(paddle.minimum(self.start, outer.stop - self.length), self.length)

    def within(self, outer: Span) -> Span:
        """The same as a part of a longer one: its start counts from that of `outer`."""
        return Span(self.start - outer.start, self.length)

    def places(self, size: Size) -> Tensor:
        """Where the span holds each position of an axis [size]; its nearest end beyond it."""
        return between(0, paddle.arange(size) - self.start, self.length - 1)


class GraphWindow(NamedTuple):
    """One window for all images of a batch, used like `Windows`.

    Attributes:
        rows, columns: what it covers.
    """

    rows: Span
    columns: Span

    @property
    def size(self) -> tuple[Tensor, Tensor]:
        """(h, w)."""
        return self.rows.length, self.columns.length

    def of(self, x: Tensor) -> Tensor:
        """Cut the window out: [B, C, H, W] -> [B, C, h, w]."""
        rows, columns = self
        return paddle.slice(x, [2, 3], [rows.start, columns.start], [rows.stop, columns.stop])

    def enlarged(self, scale: int) -> GraphWindow:
        """The same window on maps that are larger by a factor."""
        return GraphWindow(self.rows.enlarged(scale), self.columns.enlarged(scale))

    def moved_into(self, outer: GraphWindow) -> GraphWindow:
        """Move it if it ends after a larger one that begins no later: lengths are rounded up."""
        return GraphWindow(self.rows.moved_into(outer.rows), self.columns.moved_into(outer.columns))

    def within(self, outer: GraphWindow) -> GraphWindow:
        """The same window as a part of a larger one: its start counts from that of `outer`."""
        return GraphWindow(self.rows.within(outer.rows), self.columns.within(outer.columns))

    def put_back(self, x: Tensor, size: tuple[Size, Size], scale: int) -> Tensor:
        """Put results back in place: [B, C, H, W]. Around them is the nearest of their border.

        Arguments as in `Windows.put_back`.
        """
        rows, columns = self.enlarged(scale)
        x = x.index_select(rows.places(size[0]), axis=2)
        return x.index_select(columns.places(size[1]), axis=3)


def window_around_holes(mask: Tensor, *, scale: int, margin: int) -> GraphWindow:
    """Return a window that contains all holes of a batch and `margin` around them.

    Its sides are some of `PARTS` equal parts of the map's, so that there are few different sizes:
    for each of them, oneDNN keeps rearranged filters as long as the graph exists.

    Args:
        mask: [B, 1, H, W], 1 = hole.
        scale: size of the mask relative to the map that the window is for; divides H and W.
        margin: in positions of that map.
    """
    holes = (mask.max(axis=[0, 1]) > 0).astype("int64")
    rows = _span(holes.max(axis=1), mask.shape[2], scale, margin)
    return GraphWindow(rows, _span(holes.max(axis=0), mask.shape[3], scale, margin))


def _span(holes: Tensor, size: Size, scale: int, margin: int) -> Span:
    """What holes [size] (1 = hole) need of an axis of size // scale positions."""
    positions = paddle.arange(size)
    stop = (holes * (positions + 1)).max()
    start = (holes * (positions * -1 + size)).max() * -1 + size
    whole = size // scale
    start, stop = quotient(start, scale) - margin, quotient(stop + scale - 1, scale) + margin
    part = paddle.zeros_like(start) + (whole + PARTS - 1) // PARTS
    length = paddle.floor_divide(stop - start + part - 1, part) * part
    length = between(1, length, whole)
    start = between(0, start, whole - length) * holes.max()  # 0 where no hole is
    return Span(start, length)


def quotient(x: Tensor, divisor: int) -> Tensor:
    """x // divisor. Paddle's operator `//` with a number makes a vector of a scalar."""
    return paddle.floor_divide(x, paddle.full_like(x, divisor))


def between(least: Size, x: Tensor, most: Size) -> Tensor:
    """Bound whole numbers x; `most` counts if it is below `least`.

    In an exported graph, `Tensor.clip` leaves int64 as it is.
    """
    zeros = paddle.zeros_like(x)
    return paddle.minimum(paddle.maximum(x, zeros + least), zeros + most)
