# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Windows of feature maps around the holes of a batch, for when only the holes matter.

Letters: B batch, C channels, H W map, h w window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor

from ppdeepfill.networks.kernels.window_in_graph import GraphWindow, window_around_holes

_holes: ContextVar[Tensor | None] = ContextVar("holes", default=None)

STEP = 4  # sides of windows are multiples of it, so that there are few different sizes


class Windows(NamedTuple):
    """One window per image, all of the same size.

    Attributes:
        corners: (top, left) of each window.
        size: (h, w).
    """

    corners: list[tuple[int, int]]
    size: tuple[int, int]

    def of(self, x: Tensor) -> Tensor:
        """Cut the windows out: [B, C, H, W] -> [B, C, h, w]."""
        height, width = self.size
        if x.shape[2:] == [height, width]:
            return x
        return paddle.stack(
            [
                sample[:, top : top + height, left : left + width]
                for sample, (top, left) in zip(x, self.corners, strict=True)
            ]
        )

    def enlarged(self, scale: int) -> Windows:
        """The same windows on maps that are larger by a factor."""
        corners = [(scale * top, scale * left) for top, left in self.corners]
        return Windows(corners, (scale * self.size[0], scale * self.size[1]))

    def moved_into(self, outer: Windows) -> Windows:
        """Move windows that end after those of `outer`, which begin no later and are no smaller."""
        ends = [
            (top + outer.size[0] - self.size[0], left + outer.size[1] - self.size[1])
            for top, left in outer.corners
        ]
        corners = [
            (min(top, last_top), min(left, last_left))
            for (top, left), (last_top, last_left) in zip(self.corners, ends, strict=True)
        ]
        return Windows(corners, self.size)

    def within(self, outer: Windows) -> Windows:
        """The same windows, as parts of larger ones: their corners count from those of `outer`."""
        corners = [
            (top - outer_top, left - outer_left)
            for (top, left), (outer_top, outer_left) in zip(
                self.corners, outer.corners, strict=True
            )
        ]
        return Windows(corners, self.size)

    def put_back(self, x: Tensor, size: tuple[int, int], scale: int) -> Tensor:
        """Put results back in place, with zeros around them: [B, C, H, W].

        Args:
            x: [B, C, scale * h, scale * w], results for the windows.
            size: (H, W) of the result.
            scale: size of the result relative to the map that the windows were cut from.
        """
        (height, width), (full_height, full_width) = x.shape[2:], size
        samples = []
        for sample, (top, left) in zip(x.split(len(self.corners)), self.corners, strict=True):
            top, left = scale * top, scale * left
            around = [left, full_width - left - width, top, full_height - top - height]
            samples.append(F.pad(sample, around))
        return paddle.concat(samples)


class NearHoles(NamedTuple):
    """The parts of feature maps near the holes.

    Attributes:
        features: [B, C, h, w].
        windows: where they belong.
    """

    features: Tensor
    windows: Windows | GraphWindow


@contextmanager
def holes_as_in(mask: Tensor) -> Iterator[None]:
    """Within this context, encoders and decoders take the holes from this mask [B, 1, H, W].

    For calls whose own masks have no values, because only shapes are computed.
    """
    token = _holes.set(mask)
    try:
        yield
    finally:
        _holes.reset(token)


def decode_in_holes(
    decode: Callable[..., Tensor],
    *features: Tensor | NearHoles,
    mask: Tensor,
    scale: int,
    margin: int,
) -> Tensor:
    """Run a decoder only around the holes.

    Args:
        decode: features [B, C, h, w] -> [B, C', scale * h, scale * w].
        *features: [B, C, H / scale, W / scale] each, or the parts of them near the holes.
        mask: [B, 1, H, W], 1 = hole.
        scale: how much smaller the features are than the result.
        margin: how far a position of the result sees beyond its own position in the features.

    Returns:
        [B, C', H, W], valid only inside the holes.
    """
    windows = windows_around_holes(mask, scale=scale, margin=margin)
    for x in features:
        if isinstance(x, NearHoles):
            windows = windows.moved_into(x.windows)
    decoded = decode(*[_cut_out(x, windows) for x in features])
    return windows.put_back(decoded, (mask.shape[2], mask.shape[3]), scale)


def _cut_out(x: Tensor | NearHoles, windows: Windows | GraphWindow) -> Tensor:
    if isinstance(x, NearHoles):
        return windows.within(x.windows).of(x.features)
    return windows.of(x)


def encode_near_holes(
    encode: Callable[[Tensor], Tensor], x: Tensor, *, mask: Tensor, scale: int, margin: int
) -> NearHoles:
    """Run an encoder only near the holes.

    Args:
        encode: maps [B, C, scale * h, scale * w] -> features [B, C', h, w].
        x: [B, C, H, W]; H and W are multiples of `scale`.
        mask: [B, 1, H, W], 1 = hole.
        scale: how much smaller the features are than x.
        margin: distance from a hole, in positions of the features, up to which `encode` sees x.

    Returns:
        Features that are valid where they see nothing beyond the margin.
    """
    windows = windows_around_holes(mask, scale=scale, margin=margin)
    return NearHoles(encode(windows.enlarged(scale).of(x)), windows)


def windows_around_holes(mask: Tensor, *, scale: int, margin: int) -> Windows | GraphWindow:
    """Return the smallest windows that contain each hole and `margin` positions around it.

    In a graph that is exported, it is one window around all holes.

    Args:
        mask: [B, 1, H, W], 1 = hole; within `holes_as_in`, the mask given there replaces it.
        scale: size of the mask relative to the map that the windows are for; divides H and W.
        margin: in positions of that map.
    """
    given = _holes.get()
    if given is None and not paddle.in_dynamic_mode():
        return window_around_holes(mask, scale=scale, margin=margin)
    holes = (mask if given is None else given).numpy()[:, 0] > 0
    axes = [_spans(holes.any(axis=axis), scale, margin) for axis in (2, 1)]
    (tops, height), (lefts, width) = axes
    return Windows(list(zip(tops, lefts, strict=True)), (height, width))


def _spans(holes: np.ndarray, scale: int, margin: int) -> tuple[list[int], int]:
    """Starts and common length along one axis; holes [B, size] is true where there is a hole."""
    size = holes.shape[1] // scale
    starts = holes.argmax(axis=1) // scale - margin
    ends = size - holes[:, ::-1].argmax(axis=1) // scale + margin
    length = int((ends - starts)[holes.any(axis=1)].max(initial=1))
    length = min(-(-length // STEP) * STEP, size)
    return np.clip(starts, 0, size - length).tolist(), length
