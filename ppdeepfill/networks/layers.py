# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Convolutions with the padding and the initialisation of either reference.

Letters: B batch, C channels, H W feature map.
"""

import math

import paddle.nn.functional as F
from paddle import ParamAttr, Tensor, nn

from ppdeepfill.networks import kernels
from ppdeepfill.networks.activations import Activation
from ppdeepfill.networks.reference import Reference


# y = activation(w * x + b), where w * x is a convolution
class ConvBlock(nn.Layer):
    """Convolution to ceil(size / stride), then an activation: x [B, C, H, W].

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: odd side of the filters.
        stride: 1 or 2.
        dilation: distance of the filter's taps.
        activation: applied to the result; None applies none.
        reference: whose padding and initialisation to use. "tensorflow": SAME padding, which at
            stride 2 adds one more at the bottom and the right; Glorot uniform filters, zero biases.
            "torch": the same padding on all sides; filters and biases uniform in
            +-1 / sqrt(fan_in).
        input_size: (H, W) if known in advance. Needed only for odd sizes with stride 2 and
            "tensorflow", whose padding depends on whether the size is even. None means even.

    Source: gen_conv and dis_conv of both references; default initialisers of tf.layers and of
    torch.nn.Conv2d (Kaiming uniform with a = sqrt(5)).
    """

    upsampling = 1

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        *,
        stride: int = 1,
        dilation: int = 1,
        activation: Activation | None = F.elu,
        reference: Reference = "tensorflow",
        input_size: tuple[int, int] | None = None,
    ):
        super().__init__()
        span = (kernel_size - 1) * dilation + 1
        height, width = input_size or (stride, stride)
        self.conv = nn.Conv2D(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=[
                *_padding(height, span, stride, reference),
                *_padding(width, span, stride, reference),
            ],
            dilation=dilation,
            **initialisers(in_channels * kernel_size**2, reference),
        )
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        return kernels.convolve(x, self.conv, self.activation, upsampling=self.upsampling)


# y = activation(w * u + b), where u[i, j] = x[i // 2, j // 2]
class UpsampledConvBlock(ConvBlock):
    """Nearest upsampling by 2, then a 3x3 `ConvBlock`: x [B, C, H, W] -> [B, out, 2H, 2W].

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        activation: applied to the result; None leaves it as it is.
        reference: whose initialisation to use.
    """

    upsampling = 2

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        activation: Activation | None = F.elu,
        reference: Reference = "tensorflow",
    ):
        super().__init__(in_channels, out_channels, activation=activation, reference=reference)


# y = f_n(... f_2(f_1(x)))
class ConvSequence(nn.Sequential):
    """Convolution blocks, one after another: x [B, C, H, W]."""

    def forward(self, x: Tensor) -> Tensor:
        return kernels.convolve_in_sequence(x, self)


def initialisers(fan_in: int, reference: Reference) -> dict[str, ParamAttr]:
    """Return weight_attr and bias_attr for a convolution or linear layer, see `ConvBlock`."""
    if reference == "tensorflow":
        weight, bias = nn.initializer.XavierUniform(), nn.initializer.Constant(0.0)
    else:
        bound = 1.0 / math.sqrt(fan_in)
        weight = bias = nn.initializer.Uniform(-bound, bound)
    return {
        "weight_attr": ParamAttr(initializer=weight),
        "bias_attr": ParamAttr(initializer=bias),
    }


def _padding(size: int, span: int, stride: int, reference: Reference) -> tuple[int, int]:
    """Zeros to add before and after an axis of `size` for filters over `span` positions."""
    if reference == "torch":
        return span // 2, span // 2
    total = max((math.ceil(size / stride) - 1) * stride + span - size, 0)
    return total // 2, total - total // 2
