# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Everything that is only about speed and memory: which kernel computes a layer, and how.

A layer calls one function here and gets the same numbers as from Paddle's own operators, up to
float rounding. The choice of kernel depends only on the call: its tensors, the grad mode of its
thread, hooks, and the contexts below.

    convolve, convolve_in_sequence, convolve_without_bias,
    convolve_transposed                                      convolutions
    product                                                  of large matrices
    scale_positions                                          by a mask, for example
    contextual_attention, contextual_attention_in_blocks     attention/contextual.py
    encode_near_holes, decode_in_holes, Windows              parts of feature maps
    attention_around_holes                                   context: its part near the holes
    eagerly, attention_memory_limit, no_loops_in_graphs      contexts, for callers of networks
    whole_memory                                             what attention takes without a limit
    one_thread_at_a_time                                     context, for callers with threads
    one_cycle                                                context, an iteration of a training
    holes_as_in                                              context, where only shapes are computed
"""

from ppdeepfill.networks.kernels.attention import (
    attention_around_holes,
    attention_memory_limit,
    contextual_attention,
    no_loops_in_graphs,
    whole_memory,
)
from ppdeepfill.networks.kernels.attention_in_blocks import contextual_attention_in_blocks
from ppdeepfill.networks.kernels.attention_tiles import MemoryBudgetError
from ppdeepfill.networks.kernels.compiled_convolution import eagerly
from ppdeepfill.networks.kernels.convolution import (
    convolve,
    convolve_in_sequence,
    convolve_transposed,
    convolve_without_bias,
)
from ppdeepfill.networks.kernels.graph_runs import one_cycle, one_thread_at_a_time
from ppdeepfill.networks.kernels.positions import scale_positions
from ppdeepfill.networks.kernels.product import product
from ppdeepfill.networks.kernels.windows import (
    Windows,
    decode_in_holes,
    encode_near_holes,
    holes_as_in,
)

__all__ = [
    "MemoryBudgetError",
    "Windows",
    "attention_around_holes",
    "attention_memory_limit",
    "contextual_attention",
    "contextual_attention_in_blocks",
    "convolve",
    "convolve_in_sequence",
    "convolve_transposed",
    "convolve_without_bias",
    "decode_in_holes",
    "eagerly",
    "encode_near_holes",
    "holes_as_in",
    "no_loops_in_graphs",
    "one_cycle",
    "one_thread_at_a_time",
    "product",
    "scale_positions",
    "whole_memory",
]
