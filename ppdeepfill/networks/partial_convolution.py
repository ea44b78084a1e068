# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Partial convolution: only known positions count, and filled positions become known.

Letters: B batch, C channels, H W feature map, H' W' result, k filter size.

Source: Liu et al., Image Inpainting for Irregular Holes Using Partial Convolutions (ECCV 2018),
equations 1 and 2; `partialconv` of NVIDIA, the authors' code.
"""

import paddle
import paddle.nn.functional as F
from paddle import ParamAttr, Tensor, nn

from ppdeepfill.networks import kernels

EPSILON = 1e-8  # added to the number of known inputs of a filter, which may be 0


# y = w * (x known) k k C / s + b where s > 0, else 0; s is the sum of `known` over the filter's
# inputs. Known afterwards: min(s, 1).
class PartialConv2D(nn.Layer):
    """Partial convolution with zero padding, which counts as unknown.

    The other public version, in the port `pytorch-inpainting-with-partial-conv`, omits the factor
    k k C, so its weights are k k C times ours.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: odd side k of the filters.
        stride: step between two positions of the result.
        padding: zeros on each side; None gives ceil(size / stride).
        dilation: distance of the filter's taps.
        bias: whether to add a bias.
        weight_attr: initialisation of the filters; None as in Paddle's convolutions (Kaiming
            normal).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int | None = None,
        dilation: int = 1,
        bias: bool = False,
        weight_attr: ParamAttr | None = None,
    ):
        super().__init__()
        padding = dilation * (kernel_size // 2) if padding is None else padding
        self.conv = nn.Conv2D(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=[padding] * 4,
            dilation=dilation,
            weight_attr=weight_attr,
            bias_attr=False,
        )
        self.bias = self.create_parameter([out_channels], is_bias=True) if bias else None
        self.kernel_size = kernel_size
        self.geometry = {"stride": stride, "padding": padding, "dilation": dilation}

    def forward(self, x: Tensor, known: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Convolve the known positions.

        Args:
            x: [B, C, H, W].
            known: [B, 1, H, W] or one per channel [B, C, H, W], 1 = known, 0 = hole; None: all of x
                is known, only the padding is not.

        Returns:
            [B, out, H', W'], exactly 0 where the filter sees nothing known, and the positions that
            are known now [B, 1, H', W'].
        """
        if known is None:
            known = paddle.ones_like(x[:, :1])
        largest = known.shape[1] * self.kernel_size**2
        seen = self._sum_over_filter(known)
        known_after = seen.clip(0.0, 1.0)
        y = kernels.convolve_without_bias(kernels.scale_positions(x, known), self.conv)
        y = kernels.scale_positions(y, known_after * largest / (seen + EPSILON))
        if self.bias is not None:
            y = kernels.scale_positions(y + self.bias.reshape([1, -1, 1, 1]), known_after)
        return y, known_after

    def _sum_over_filter(self, known: Tensor) -> Tensor:
        """[B, 1 or C, H, W] -> [B, 1, H', W'], over all channels."""
        if known.shape[1] > 1:
            known = known.sum(axis=1, keepdim=True)
        stride, padding, dilation = self.geometry.values()
        # First along columns, then along rows: 2 k additions for each position, not k k.
        column = paddle.ones([1, 1, self.kernel_size, 1], known.dtype)
        known = F.conv2d(known, column, None, [stride, 1], [padding, 0], [dilation, 1])
        row = paddle.ones([1, 1, 1, self.kernel_size], known.dtype)
        return F.conv2d(known, row, None, [1, stride], [0, padding], [1, dilation])


def joined(*parts: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Concatenate features, and the maps of their known positions.

    Args:
        parts: features [B, C, H, W] and their known positions [B, 1, H, W].

    Returns:
        [B, sum of C, H, W] twice.
    """
    features = [x for x, _ in parts]
    known = [k.expand([-1, x.shape[1], -1, -1]) for x, k in parts]
    return paddle.concat(features, axis=1), paddle.concat(known, axis=1)


# y at (i, j) is x at (i // 2, j // 2)
def doubled(x: Tensor) -> Tensor:
    """Nearest upsampling: [B, C, H, W] -> [B, C, 2H, 2W]."""
    # paddle2onnx 2.1 writes an impossible Tile for `repeat_interleave`.
    x = paddle.stack([x, x], axis=4).flatten(3, 4)
    return paddle.stack([x, x], axis=3).flatten(2, 3)
