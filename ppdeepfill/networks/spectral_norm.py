# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Convolution with spectral normalisation: the weights are divided by their largest singular value.

Source: Miyato et al. (ICLR 2018); `kernel_spectral_norm` of neuralgym, the DeepFill authors'
library. There and here, gradients also pass through the estimated singular vectors;
`torch.nn.utils.spectral_norm` treats these as constants.
"""

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

EPSILON = 1e-12  # added to the length of a vector


# y = (W / sigma) * x + b with sigma = v W u'^T, v = u W^T / |u W^T|, u' = v W / |v W|
class SpectralConv2D(nn.Conv2D):
    """`nn.Conv2D` whose weights, as a matrix [in * kh * kw, out], have spectral norm 1.

    Each call, in evaluation mode too, refines the estimate of the norm by one power iteration.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, **geometry):
        super().__init__(in_channels, out_channels, kernel_size, **geometry)
        start = self.create_parameter(
            [1, out_channels], default_initializer=nn.initializer.TruncatedNormal()
        )
        self.register_buffer("u", start.detach())

    def forward(self, x: Tensor) -> Tensor:
        weight = self.normalised_weight()
        return F.conv2d(x, weight, self.bias, self._stride, self._padding, self._dilation)

    def normalised_weight(self) -> Tensor:
        """Return the weights [out, in, kh, kw] divided by their norm, and update `u`."""
        matrix = self.weight.flatten(1).t()  # [in * kh * kw, out]
        v = _unit(paddle.matmul(self.u, matrix, transpose_y=True))
        u = _unit(paddle.matmul(v, matrix))
        norm = paddle.matmul(paddle.matmul(v, matrix), u, transpose_y=True)
        # Assign a new tensor: the autograd graph still needs the old one unchanged.
        self.u = u.detach()
        return self.weight / norm.squeeze().clip(min=EPSILON)  # weights may all be 0


def _unit(vector: Tensor) -> Tensor:
    # Without the square, a vector of zeros has no gradient.
    return vector / ((vector.square().sum() + EPSILON**2).sqrt() + EPSILON)
