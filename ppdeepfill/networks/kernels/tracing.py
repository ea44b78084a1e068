# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Whether Paddle's own tools are tracing or watching layers.

`full_graph=True` rewrites every function that it reaches, which takes milliseconds a call. It
leaves those with `@paddle.jit.not_to_static` alone, which work as they stand.
"""

import sys

import paddle
from paddle import nn


def _in_sot() -> bool:
    """Whether `paddle.jit.to_static` is tracing.

    If it is, the tracer is loaded already; importing it here would add 60 ms to every start.
    """
    psdb = sys.modules.get("paddle.jit.sot.psdb")
    return psdb is not None and hasattr(psdb, "in_sot") and psdb.in_sot()  # not in Paddle 2


@paddle.jit.not_to_static
def computes_now() -> bool:
    """Whether tensors hold numbers, rather than a graph being built or traced by `to_static`."""
    return not _in_sot() and paddle.in_dynamic_mode()


@paddle.jit.not_to_static
def is_watched(layer: nn.Layer) -> bool:
    """Whether hooks or `paddle.jit.to_static` must see the calls of a layer or its sublayers.

    `paddle.summary`, weight normalisation and many debugging tools use hooks.
    """
    return _in_sot() or any(
        part._forward_pre_hooks or part._forward_post_hooks
        for part in layer.sublayers(include_self=True)
    )
