# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Contextual attention as a layer."""

from paddle import Tensor, nn

from ppdeepfill.networks import kernels
from ppdeepfill.networks.attention import Attended
from ppdeepfill.networks.attention.contextual import check_options
from ppdeepfill.networks.reference import Reference


class ContextualAttention(nn.Layer):
    """`contextual_attention` of contextual.py as a layer without parameters; the same options.

    Attributes:
        options: name -> value.
        size_multiple: the sides of the feature maps must be multiples of it.
    """

    def __init__(
        self,
        *,
        patch_size: int = 3,
        stride: int = 1,
        rate: int = 2,
        propagation_size: int = 3,
        softmax_scale: float = 10.0,
        reference: Reference = "tensorflow",
    ):
        super().__init__()
        check_options(patch_size, stride, rate, propagation_size, reference)
        self.options = {
            "patch_size": patch_size,
            "stride": stride,
            "rate": rate,
            "propagation_size": propagation_size,
            "softmax_scale": softmax_scale,
            "reference": reference,
        }
        self.size_multiple = rate * stride

    def forward(
        self, foreground: Tensor, background: Tensor, mask: Tensor | None = None
    ) -> Attended:
        """See `contextual_attention`."""
        return kernels.contextual_attention(foreground, background, mask, **self.options)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.options.items())
