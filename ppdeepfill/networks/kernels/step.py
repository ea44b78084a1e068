# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A convolution with its bias, upsampling and activation, as the kernels see it.

Letters: B batch, C channels, H W feature map, k filter size.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from ppdeepfill.networks.activations import Activation

# Which of the three taps are added up for each of the four, along one axis and along both.
_TAPS = np.array([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]], np.float32)
FOLDING = np.kron(_TAPS, _TAPS).T  # [9, 16]


class Step(NamedTuple):
    """A convolution with bias and activation.

    Attributes:
        weight: [out, C, k, k], or [C, out, 4, 4] if the step doubles the size.
        geometry: stride, padding (top, bottom, left, right) and dilation; None doubles the size by
            a transposed convolution with stride 2 and padding 1.
        bias: [out]; None adds none.
        activation: applied to each value; None applies none.
    """

    weight: Tensor
    geometry: Mapping | None = None
    bias: Tensor | None = None
    activation: Activation | None = None

    @classmethod
    def of(
        cls, conv: nn.Conv2D, activation: Activation | None = None, *, upsampling: int = 1
    ) -> "Step":
        """Nearest upsampling by 1 or 2, then a convolution, then an activation.

        The step does not actually upsample: it adds up those of the nine taps of a filter that see
        the same position of x, which leaves four taps for each position of the result. This is a
        transposed convolution with 2.25 times fewer multiplications.
        """
        if upsampling == 2:
            return cls(folded(conv.weight), None, conv.bias, activation)
        geometry = {
            "stride": conv._stride[0],
            "padding": conv._padding,  # [top, bottom, left, right], as `ConvBlock` passed it
            "dilation": conv._dilation[0],
        }
        return cls(conv.weight, geometry, conv.bias, activation)

    @classmethod
    def of_block(cls, block: nn.Layer) -> "Step":
        """A block of `convolve_in_sequence`, whose normalisation is part of its filters and bias.

        The convolution of a block may be a transposed one with 4x4 filters, stride 2, padding 1.
        """
        if isinstance(block.conv, nn.Conv2DTranspose):
            step = cls(block.conv.weight, None, block.conv.bias, block.activation)
        else:
            step = cls.of(block.conv, block.activation, upsampling=block.upsampling)
        norm = getattr(block, "norm", None)
        return step if norm is None else step._normalised(norm)

    # norm(w * x + b) = (s w) * x + s (b - mean) + shift, with s = scale / sqrt(variance + epsilon)
    def _normalised(self, norm: nn.BatchNorm2D) -> "Step":
        scale = norm.weight / (norm._variance + norm._epsilon).sqrt()
        shape = [-1, 1, 1, 1] if self.geometry is not None else [1, -1, 1, 1]
        bias = -norm._mean if self.bias is None else self.bias - norm._mean
        weight, bias = self.weight * scale.reshape(shape), bias * scale + norm.bias
        return self._replace(weight=weight, bias=bias)

    def convolve(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """Convolve x [B, C, H, W] with Paddle's own operator; without activation."""
        if self.geometry is None:
            return F.conv2d_transpose(x, self.weight, bias, stride=2, padding=1)
        return F.conv2d(x, self.weight, bias, **self.geometry)

    def activate(self, x: Tensor) -> Tensor:
        """Apply only the activation."""
        return x if self.activation is None else self.activation(x)

    def work(self, x: Tensor) -> int:
        """Number of multiplications for x [B, C, H, W]."""
        per_position = math.prod(self.weight.shape)
        positions = x.shape[0] * x.shape[2] * x.shape[3]
        stride = 1 if self.geometry is None else self.geometry["stride"]
        return per_position * positions // stride**2

    def unfolded_bytes(self, x: Tensor) -> int:
        """Bytes that Paddle's operator copies per image: a k x k neighbourhood per position."""
        channels = self.weight.shape[0 if self.geometry is None else 1]
        return 4 * channels * math.prod(self.weight.shape[2:]) * x.shape[2] * x.shape[3]


def folded(weight: Tensor) -> Tensor:
    """[out, C, 3, 3] -> [C, out, 4, 4], see `Step.of`."""
    weight = weight.transpose([1, 0, 2, 3])
    folding = paddle.to_tensor(FOLDING).astype(weight.dtype)
    return paddle.matmul(weight.reshape([-1, 9]), folding).reshape([*weight.shape[:2], 4, 4])
