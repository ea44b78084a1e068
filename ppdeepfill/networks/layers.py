# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Convolution with the padding and the initialisation of either reference, also after upsampling.

Letters: B batch, C channels, H W feature map.
"""

import math

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import ParamAttr, Tensor, nn
from paddle.autograd import PyLayer

from ppdeepfill.networks import compiled_convolution
from ppdeepfill.networks.compiled_convolution import SLOPES, Activation, Step, sum_over_images
from ppdeepfill.networks.contextual_attention import Reference

BAND_BYTES = 1 << 29  # a convolution that would unfold more is done in bands

# Which of three taps are added up to each of four, along one axis and along both.
_TAPS = np.array([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]], np.float32)
FOLDING = np.kron(_TAPS, _TAPS).T  # [9, 16]


class ConvBlock(nn.Layer):
    """Convolution that keeps ceil(size / stride), then an activation: x [B, C, H, W].

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: odd side of the filters.
        stride: 1 or 2.
        dilation: distance of the filter's taps.
        activation: applied to the result; None leaves it as it is.
        reference: whose padding and initialisation. "tensorflow": SAME padding, with stride 2 one
            more at the bottom and the right; Glorot uniform filters, zero biases. "torch": the same
            padding on all sides; filters and biases uniform in +-1 / sqrt(fan_in).
        input_size: (H, W) where it is fixed; needed only when an odd size meets stride 2 and
            "tensorflow", whose padding depends on the parity. None: even.

    Source: gen_conv and dis_conv of both codes; default initialisers of tf.layers and of
    torch.nn.Conv2d (Kaiming uniform with a = sqrt(5)).
    """

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
        reach = (kernel_size - 1) * dilation + 1
        sides = [
            _padding(size, reach, stride, reference) for size in input_size or (stride, stride)
        ]
        self.geometry = {
            "stride": stride,
            "padding": [side for before_after in sides for side in before_after],
            "dilation": dilation,
        }
        self.conv = nn.Conv2D(
            in_channels,
            out_channels,
            kernel_size,
            **self.geometry,
            **initialisers(in_channels * kernel_size**2, reference),
        )
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        if self.activation in SLOPES and compiled_convolution.compiles(x):
            return compiled_convolution.run_step(x, self.step())
        x = self.before_activation(x)
        return x if self.activation is None else self.activation(x)

    def step(self) -> Step:
        """The same for `compiled_convolution`."""
        return Step(self.conv.weight, self.geometry, self.conv.bias, self.activation)

    def before_activation(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, out, H', W']."""
        if compiled_convolution.compiles(x):
            return compiled_convolution.run_step(x, self.step()._replace(activation=None))
        if not paddle.in_dynamic_mode():  # an exported graph knows convolutions with bias
            return self.convolve_eagerly(x, self.conv.bias)
        x = self._convolve_in_bands(x)
        if x.dtype != self.conv.bias.dtype:  # mixed precision convolves in 16 bits
            x = x.astype(self.conv.bias.dtype)
        return AddBias.apply(x, self.conv.bias)

    def convolve(self, x: Tensor) -> Tensor:
        """The same without bias."""
        if compiled_convolution.compiles(x):
            step = self.step()._replace(activation=None, bias=None)
            return compiled_convolution.run_step(x, step)
        return self.convolve_eagerly(x)

    def convolve_eagerly(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """What Paddle's own operator makes of it."""
        return F.conv2d(x, self.conv.weight, bias, **self.geometry)

    def convolve_in_bands(self, x: Tensor, bands: int) -> Tensor:
        """`convolve_eagerly` for `bands` parts of the rows one after another."""
        return convolve_in_bands(x, self.conv.weight, bands, **self.geometry)

    def unfolded_bytes(self, x: Tensor) -> int:
        """What Paddle's kernel copies: the k x k neighbourhood of every position."""
        return 4 * math.prod(self.conv.weight.shape[1:]) * x.shape[2] * x.shape[3]

    def _convolve_in_bands(self, x: Tensor) -> Tensor:
        """`convolve_eagerly`, for some rows at a time where the whole takes much memory."""
        bands = math.ceil(self.unfolded_bytes(x) / BAND_BYTES)
        if self.training or bands <= 1:
            return self.convolve_eagerly(x)
        return self.convolve_in_bands(x, bands)


class UpsampledConvBlock(ConvBlock):
    """Nearest upsampling by 2, then a 3x3 `ConvBlock`: x [B, C, H, W] -> [B, out, 2H, 2W].

    Nothing is upsampled: of the nine taps of a filter, those that see the same position of x are
    added up, which leaves four for each position of the result. That is a transposed convolution
    with 2.25 times fewer multiplications.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        reference: whose initialisation.
    """

    def __init__(self, in_channels: int, out_channels: int, *, reference: Reference = "tensorflow"):
        super().__init__(in_channels, out_channels, reference=reference)

    def convolve_eagerly(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        return F.conv2d_transpose(x, self._filters(), bias, stride=2, padding=1)

    def step(self) -> Step:
        return Step(self._filters(), None, self.conv.bias, self.activation)

    def unfolded_bytes(self, x: Tensor) -> int:
        return 4 * 16 * self.conv.weight.shape[0] * x.shape[2] * x.shape[3]

    def convolve_in_bands(self, x: Tensor, bands: int) -> Tensor:
        rows = x.shape[2]
        step = math.ceil(rows / bands)
        results = []
        for row in range(0, rows, step):
            start, stop = max(row - 1, 0), min(row + step + 1, rows)  # with a neighbour each
            part = self.convolve_eagerly(x[:, :, start:stop])
            first = 2 * (row - start)
            results.append(part[:, :, first : first + 2 * (min(row + step, rows) - row)])
        return paddle.concat(results, axis=2)

    def _filters(self) -> Tensor:
        """[out, C, 3, 3] -> [C, out, 4, 4], see the class."""
        weight = self.conv.weight.transpose([1, 0, 2, 3])
        folding = paddle.to_tensor(FOLDING).astype(weight.dtype)
        folded = paddle.matmul(weight.reshape([-1, 9]), folding)
        return folded.reshape([*weight.shape[:2], 4, 4])


class ConvSequence(nn.Sequential):
    """Convolution blocks one after another: x [B, C, H, W]."""

    def forward(self, x: Tensor) -> Tensor:
        if compiled_convolution.compiles(x) and not paddle.is_grad_enabled():
            return compiled_convolution.run_steps(x, [block.step() for block in self])
        for block in self:  # not by `super`, which an export would take for this method
            x = block(x)
        return x


class AddBias(PyLayer):
    """x [B, C, H, W] plus a bias [C], whose gradient is precise, see `sum_over_images`.

    Paddle's own takes ten times as long on a CPU.
    """

    @staticmethod
    def forward(ctx, x: Tensor, bias: Tensor) -> Tensor:
        ctx.constant = x.stop_gradient, bias.stop_gradient
        return (x.flatten(2) + bias.unsqueeze(-1)).reshape(x.shape)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x_constant, bias_constant = ctx.constant
        of_bias = None if bias_constant else sum_over_images(gradient)
        return None if x_constant else gradient, of_bias


def convolve_in_bands(
    x: Tensor,
    weight: Tensor,
    bands: int,
    *,
    stride: int,
    padding: list[int],
    dilation: int,
) -> Tensor:
    """`F.conv2d` without bias, computed for bands of rows one after another.

    Args:
        x: [B, C, H, W].
        weight: [out, C, k, k].
        bands: how many; fewer where the result has fewer rows.
        stride: step between filter positions.
        padding: zeros at top, bottom, left, right.
        dilation: distance of the filter's taps.
    """
    top, bottom, left, right = padding
    height, span = x.shape[2], (weight.shape[2] - 1) * dilation + 1
    rows = (height + top + bottom - span) // stride + 1
    step = math.ceil(rows / bands)
    results = []
    for row in range(0, rows, step):
        start = row * stride - top
        stop = (min(row + step, rows) - 1) * stride - top + span
        beyond = [max(-start, 0), max(stop - height, 0), left, right]
        part = x[:, :, max(start, 0) : min(stop, height)]
        results.append(F.conv2d(part, weight, None, stride, beyond, dilation))
    return paddle.concat(results, axis=2)


def initialisers(fan_in: int, reference: Reference) -> dict[str, ParamAttr]:
    """Return weight_attr and bias_attr of a convolution or linear layer, see `ConvBlock`."""
    if reference == "tensorflow":
        weight, bias = nn.initializer.XavierUniform(), nn.initializer.Constant(0.0)
    else:
        bound = 1.0 / math.sqrt(fan_in)
        weight = bias = nn.initializer.Uniform(-bound, bound)
    return {
        "weight_attr": ParamAttr(initializer=weight),
        "bias_attr": ParamAttr(initializer=bias),
    }


def _padding(size: int, reach: int, stride: int, reference: Reference) -> tuple[int, int]:
    """Zeros before and after an axis of `size` for filters spanning `reach` positions."""
    if reference == "torch":
        return reach // 2, reach // 2
    total = max((math.ceil(size / stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2
