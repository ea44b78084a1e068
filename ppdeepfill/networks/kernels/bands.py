# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Convolution of a few rows at a time, which bounds the memory of Paddle's own operator.

Letters: B batch, C channels, H W feature map.
"""

import math

import paddle
import paddle.nn.functional as F
from paddle import Tensor

from ppdeepfill.networks.kernels.step import Step

BAND_BYTES = 1 << 29  # a convolution that would unfold more is computed in bands


def convolve_by_paddle(x: Tensor, step: Step) -> Tensor:
    """`Step.convolve`; in bands if the whole would need too much memory and gradients are off."""
    bands = math.ceil(step.unfolded_bytes(x) / BAND_BYTES)
    if bands <= 1 or paddle.is_grad_enabled():
        return step.convolve(x)
    return convolve_in_bands(x, step, bands)


def convolve_in_bands(x: Tensor, step: Step, bands: int) -> Tensor:
    """`Step.convolve` without bias, one band of rows after another.

    Args:
        x: [B, C, H, W].
        step: its bias and activation are ignored.
        bands: number of bands; fewer if the result has fewer rows.
    """
    if step.geometry is None:
        return _double_in_bands(x, step, bands)
    stride, dilation = step.geometry["stride"], step.geometry["dilation"]
    top, bottom, left, right = step.geometry["padding"]
    height, span = x.shape[2], (step.weight.shape[2] - 1) * dilation + 1
    rows = (height + top + bottom - span) // stride + 1
    band = math.ceil(rows / bands)
    results = []
    for row in range(0, rows, band):
        start = row * stride - top
        stop = (min(row + band, rows) - 1) * stride - top + span
        beyond = [max(-start, 0), max(stop - height, 0), left, right]
        part = x[:, :, max(start, 0) : min(stop, height)]
        results.append(F.conv2d(part, step.weight, None, stride, beyond, dilation))
    return paddle.concat(results, axis=2)


def _double_in_bands(x: Tensor, step: Step, bands: int) -> Tensor:
    rows = x.shape[2]
    band = math.ceil(rows / bands)
    results = []
    for row in range(0, rows, band):
        start, stop = max(row - 1, 0), min(row + band + 1, rows)  # and one neighbour on each side
        part = step.convolve(x[:, :, start:stop])
        first = 2 * (row - start)
        results.append(part[:, :, first : first + 2 * (min(row + band, rows) - row)])
    return paddle.concat(results, axis=2)
