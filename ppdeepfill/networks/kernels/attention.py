# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Contextual attention: choose the kernel that computes it.

Letters as in attention/contextual.py.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import paddle
from paddle import Tensor

from ppdeepfill.networks.attention import Attended
from ppdeepfill.networks.kernels.attention_in_blocks import contextual_attention_in_blocks
from ppdeepfill.networks.kernels.fast_attention import fast_attention
from ppdeepfill.networks.kernels.tracing import computes_now

_limit: ContextVar[int | None] = ContextVar("attention_memory_limit", default=None)


@contextmanager
def attention_memory_limit(limit: int | None) -> Iterator[None]:
    """Within this context, attention works in blocks if it would need more than `limit` bytes.

    The limit counts temporaries only; None sets no limit. With gradients, and in exported graphs,
    attention is always computed as a whole, whatever the limit.
    """
    token = _limit.set(limit)
    try:
        yield
    finally:
        _limit.reset(token)


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
        Features and weights, or, if computed in blocks, features and offsets.

    Raises:
        MemoryBudgetError: the limit is too small even for the smallest blocks.
        ValueError: as in that function.
    """
    if _fits(foreground, background, options):
        return Attended(*fast_attention(foreground, background, mask, **options))
    features, offsets = contextual_attention_in_blocks(
        foreground, background, mask, memory=_limit.get(), **options
    )
    return Attended(features, offsets=offsets)


def _fits(foreground: Tensor, background: Tensor, options: dict) -> bool:
    if not computes_now() or paddle.is_grad_enabled():
        return True
    limit = _limit.get()
    return limit is None or whole_memory(foreground.shape, background.shape, options) <= limit


def whole_memory(foreground: list[int], background: list[int], options: dict) -> int:
    """Return an upper bound, checked by measurement, of the bytes `fast_attention` needs.

    Without gradients.

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
