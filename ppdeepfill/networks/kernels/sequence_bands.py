# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A sequence of convolutions, a few rows at a time, so that no large map is in memory as a whole.

Letters: B batch, C channels, H W feature map, H' W' result.
"""

import math
from collections.abc import Callable, Sequence

import paddle
from paddle import Tensor

from ppdeepfill.networks.kernels.compiled_graphs import ActivatedStep

MAP_BYTES = 1 << 28  # a sequence with a larger feature map is computed in bands


def sequence_in_bands(
    run: Callable[[Tensor], Tensor], x: Tensor, steps: Sequence[ActivatedStep]
) -> Tensor:
    """run(x), one band of rows after another if a feature map would be large.

    Every band is computed from all rows of x that it depends on, so the numbers are those of the
    whole, up to float rounding.

    Args:
        run: computes the steps without gradients: [B, C, H, W] -> [B, out, H', W'].
        x: [B, C, H, W].
        steps: what it computes.
    """
    bands = math.ceil(_largest_map(x, steps) / MAP_BYTES)
    if bands <= 1 or not _only_scale(x.shape[2], steps):
        return run(x)
    height = int(x.shape[2] * _scale(steps))
    rows = math.ceil(height / bands)
    parts = [
        _band(run, x, steps, first, min(first + rows, height)) for first in range(0, height, rows)
    ]
    return paddle.concat(parts, axis=2)


def _band(
    run: Callable[[Tensor], Tensor], x: Tensor, steps: Sequence[ActivatedStep], first: int, end: int
) -> Tensor:
    """Rows first to end of the result: [B, out, end - first, W']."""
    start, stop = first, end
    for step in reversed(steps):
        start, stop = _seen(step, start, stop)
    # Strides count from row 0, so a part begins where a row of every map does.
    unit = math.prod(step.convolution.stride for step in steps if not step.doubles)
    start, stop = max(start // unit * unit, 0), min(-(-stop // unit) * unit, x.shape[2])
    result = run(x[:, :, start:stop])
    before = int(start * _scale(steps))  # these rows, and some after `end`, see zeros beyond a cut
    return result[:, :, first - before : end - before]


def _seen(step: ActivatedStep, start: int, stop: int) -> tuple[int, int]:
    """The rows of a step's input that rows start to stop of its result see, as start and stop."""
    if step.doubles:
        return start // 2 - 1, (stop - 1) // 2 + 2
    (_, _, size, _), stride, (top, *_), dilation = step.convolution
    return start * stride - top, (stop - 1) * stride - top + (size - 1) * dilation + 1


def _only_scale(height: int, steps: Sequence[ActivatedStep]) -> bool:
    """Whether steps divide the height by their stride without a remainder, or double it."""
    for step in steps:
        stride = step.convolution.stride
        if not step.doubles and height != stride * step.convolution.result_size(height, height)[0]:
            return False
        height = int(height * _scale([step]))
    return True


def _scale(steps: Sequence[ActivatedStep]) -> float:
    return math.prod(2 if step.doubles else 1 / step.convolution.stride for step in steps)


def _largest_map(x: Tensor, steps: Sequence[ActivatedStep]) -> float:
    """Bytes of the largest feature map."""
    scales = [_scale(steps[: number + 1]) for number in range(len(steps))]
    sizes = [step.channels[1] * scale**2 for step, scale in zip(steps, scales, strict=True)]
    batch, channels, height, width = x.shape
    return 4 * batch * height * width * max(channels, *sizes)
