# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The attention layer of the networks: plain where it fits into memory, else in blocks.

Letters as in contextual_attention.py.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import paddle
from paddle import Tensor

from ppdeepfill.networks.attention_in_blocks import contextual_attention_in_blocks
from ppdeepfill.networks.contextual_attention import ContextualAttention, contextual_attention

_limit: ContextVar[int | None] = ContextVar("attention_memory_limit", default=None)


@contextmanager
def attention_memory_limit(limit: int | None) -> Iterator[None]:
    """While entered, attentions work in blocks where they would need more than `limit` bytes.

    Counted are temporaries; None: no limit. Gradients and exported graphs need the plain
    computation, whatever the limit.
    """
    token = _limit.set(limit)
    try:
        yield
    finally:
        _limit.reset(token)


class BoundedContextualAttention(ContextualAttention):
    """`ContextualAttention` that keeps to the limit of `attention_memory_limit`."""

    def forward(
        self, foreground: Tensor, background: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """See `contextual_attention`; returns features, attention and offsets.

        The attention [B, L, hf, wf] is None where only the offsets [B, 2, hf, wf] were kept, the
        offsets are None where the attention is there.
        """
        if self._is_plain(foreground, background):
            # Not super().forward: Paddle 2.6 cannot export it.
            return *contextual_attention(foreground, background, mask, **self.options), None
        features, offsets = contextual_attention_in_blocks(
            foreground, background, mask, memory=_limit.get(), **self.options
        )
        return features, None, offsets

    def _is_plain(self, foreground: Tensor, background: Tensor) -> bool:
        limit = _limit.get()
        if limit is None or not paddle.in_dynamic_mode() or paddle.is_grad_enabled():
            return True
        return plain_memory(foreground.shape, background.shape, self.options) <= limit


def plain_memory(foreground: list[int], background: list[int], options: dict) -> int:
    """An upper bound, measured, of the bytes that `contextual_attention` needs without gradients.

    Args:
        foreground: the shape [B, C, Hf, Wf].
        background: the shape [B, C, Hb, Wb].
        options: those of `contextual_attention`.
    """
    batch, channels, rate = foreground[0], foreground[1], options["rate"]
    positions = foreground[2] * foreground[3] // rate**2
    patches = background[2] * background[3] // rate**2
    pasted = channels * (2 * rate) ** 2
    return 4 * batch * (6 * positions * patches + pasted * (patches + 2 * positions))
