# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Contextual attention: choose the kernel that computes it.

Letters as in attention/contextual.py.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import paddle
import paddle.nn.functional as F
from numpy import ndarray
from paddle import Tensor

from ppdeepfill.networks.attention import Attended
from ppdeepfill.networks.kernels.attention_in_blocks import contextual_attention_in_blocks
from ppdeepfill.networks.kernels.attention_in_graph import attention_in_graph
from ppdeepfill.networks.kernels.attention_in_strips import (
    attention_in_strips,
    strips_are_faster,
)
from ppdeepfill.networks.kernels.fast_attention import fast_attention
from ppdeepfill.networks.kernels.tracing import computes_now
from ppdeepfill.networks.kernels.window_in_graph import GraphWindow, Span
from ppdeepfill.networks.kernels.windows import windows_around_holes

BLOCKS_MEMORY = 1 << 29  # bytes for blocks without a limit; tiles of the largest size fit
LARGE = 1 << 27  # bytes of a whole attention; below, blocks are not considered for speed
SMALL_SHARE = 0.5  # blocks are faster if less than this share of the positions is needed

_holes: ContextVar[tuple[Tensor, int, int] | None] = ContextVar(
    "attention_around_holes", default=None
)
_limit: ContextVar[int | None] = ContextVar("attention_memory_limit", default=None)
_loops: ContextVar[bool] = ContextVar("loops_in_graphs", default=True)


@contextmanager
def attention_memory_limit(limit: int | None) -> Iterator[None]:
    """Within this context, attention works in blocks if it would need more than `limit` bytes.

    The limit applies to temporaries, and only while gradients are off; None sets no limit. A graph
    that is exported within this context takes a few rows at a time where it would need more.
    """
    token = _limit.set(limit)
    try:
        yield
    finally:
        _limit.reset(token)


@contextmanager
def no_loops_in_graphs() -> Iterator[None]:
    """Within this context, attention in a graph that is exported has no loop, for converters.

    With fixed sizes it keeps the memory limit by as many parts as the whole image needs; with free
    sizes it does not keep it.
    """
    token = _loops.set(False)
    try:
        yield
    finally:
        _loops.reset(token)


@contextmanager
def attention_around_holes(mask: Tensor, scale: int, margin: int) -> Iterator[None]:
    """Within this context, attention may leave out features that are far from all holes.

    Args:
        mask: [B, 1, H, W], 1 = hole.
        scale: how much smaller the features are than the mask.
        margin: distance from a hole, in positions of the features, up to which they are needed.
    """
    token = _holes.set((mask, scale, margin))
    try:
        yield
    finally:
        _holes.reset(token)


def contextual_attention(
    foreground: Tensor, background: Tensor, mask: Tensor | None = None, **options
) -> Attended:
    """`contextual_attention` of attention/contextual.py, whole or in blocks.

    Args:
        foreground: [B, C, Hf, Wf].
        background: [B, C, Hb, Wb].
        mask: [B, 1, Hb, Wb] or [1, 1, Hb, Wb], 1 = hole; None allows the whole background.
        **options: every option of that function.

    Returns:
        Features and weights; features and offsets, if computed in blocks; in a graph under a limit
        features alone.

    Raises:
        MemoryBudgetError: the limit is too small even for the smallest blocks.
        ValueError: as in that function.
    """
    if not paddle.in_dynamic_mode():
        return _in_graph(foreground, background, mask, options)
    limit, whole = _limit.get(), whole_memory(foreground.shape, background.shape, options)
    may_choose = computes_now() and not paddle.is_grad_enabled()
    fits = limit is None or whole <= limit
    if not may_choose or (fits and whole < LARGE):
        return _with_weights(foreground, background, mask, options)
    needed = _needed_positions(foreground, options["rate"])
    if fits and not _blocks_are_faster(foreground, needed):
        return _with_weights(foreground, background, mask, options)
    features, offsets = contextual_attention_in_blocks(
        foreground,
        background,
        mask,
        memory=BLOCKS_MEMORY if limit is None else limit,
        needed=needed,
        **options,
    )
    return Attended(features, offsets=offsets)


def _in_graph(
    foreground: Tensor, background: Tensor, mask: Tensor | None, options: dict
) -> Attended:
    """Attention in a graph that is exported."""
    limit, needed = _limit.get(), _needed_rows()
    fits = limit is None or whole_memory(foreground.shape, background.shape, options) <= limit
    simple = needed is None and fits is True  # it is a tensor if sizes are free
    if simple or options["propagation_size"] != 3:
        return Attended(*fast_attention(foreground, background, mask, **options))
    features = attention_in_graph(
        foreground, background, mask, needed=needed, memory=limit, loops=_loops.get(), **options
    )
    return Attended(features)


def _needed_rows() -> Span | None:
    """The rows of features that a graph needs near the holes; None: all."""
    holes = _holes.get()
    if holes is None:
        return None
    mask, scale, margin = holes
    window = windows_around_holes(mask, scale=scale, margin=margin)
    return window.rows if isinstance(window, GraphWindow) else None


def _with_weights(
    foreground: Tensor, background: Tensor, mask: Tensor | None, options: dict
) -> Attended:
    in_strips = computes_now() and strips_are_faster(foreground, background, options)
    attention = attention_in_strips if in_strips else fast_attention
    return Attended(*attention(foreground, background, mask, **options))


def _blocks_are_faster(foreground: Tensor, needed: ndarray | None) -> bool:
    return needed is not None and foreground.place.is_cpu_place() and needed.mean() < SMALL_SHARE


def _needed_positions(foreground: Tensor, rate: int) -> ndarray | None:
    """The positions that features near the holes are pasted from: bool [B, hf, wf]; None: all."""
    holes = _holes.get()
    if holes is None:
        return None
    mask, scale, margin = holes
    needed = F.max_pool2d(mask, scale)  # [B, 1, Hf, Wf]
    needed = F.max_pool2d(_dilated(needed, margin), rate)  # [B, 1, hf, wf]
    return _dilated(needed, 1).numpy()[:, 0] > 0


def _dilated(mask: Tensor, margin: int) -> Tensor:
    size = 2 * margin + 1
    rows = F.max_pool2d(mask, [size, 1], stride=1, padding=[margin, 0])
    return F.max_pool2d(rows, [1, size], stride=1, padding=[0, margin])


def whole_memory(foreground: list[int], background: list[int], options: dict) -> int:
    """Return an upper bound of the bytes that `fast_attention` needs without gradients.

    Measurements confirm the bound.

    Args:
        foreground: shape [B, C, Hf, Wf].
        background: shape [B, C, Hb, Wb].
        options: options of the attention.
    """
    batch, channels, rate = foreground[0], foreground[1], options["rate"]
    positions = foreground[2] * foreground[3] // rate**2
    patches = background[2] * background[3] // rate**2
    pasted = channels * (2 * rate) ** 2
    return 4 * batch * (6 * positions * patches + pasted * (patches + 2 * positions))
