# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Whether layers must be called as Paddle's tools expect it."""

import sys

import paddle
from paddle import nn


def _in_sot() -> bool:
    """Whether `paddle.jit.to_static` is tracing.

    The tracer has been imported then. Importing it here would take 60 ms of every start.
    """
    psdb = sys.modules.get("paddle.jit.sot.psdb")
    return psdb is not None and hasattr(psdb, "in_sot") and psdb.in_sot()  # Paddle 2 has none


def computes_now() -> bool:
    """Whether tensors hold numbers: no graph is built, nor traced by `paddle.jit.to_static`."""
    return not _in_sot() and paddle.in_dynamic_mode()


def is_watched(layer: nn.Layer) -> bool:
    """Whether calls of a layer or its parts must be seen, by hooks or by `paddle.jit.to_static`.

    `paddle.summary`, weight normalisation and many tools for debugging use hooks.
    """
    return _in_sot() or any(
        part._forward_pre_hooks or part._forward_post_hooks
        for part in layer.sublayers(include_self=True)
    )
