# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Convolutions: choose the kernel that computes them.

Letters: B batch, C channels, H W feature map.
"""

from collections.abc import Sequence
from itertools import chain

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from ppdeepfill.networks.activations import SLOPES, Activation
from ppdeepfill.networks.kernels.bands import convolve_by_paddle
from ppdeepfill.networks.kernels.bias import AddBias
from ppdeepfill.networks.kernels.compiled_convolution import compiles, run_step, run_steps
from ppdeepfill.networks.kernels.small_maps import convolve_as_product, product_suits
from ppdeepfill.networks.kernels.step import Step
from ppdeepfill.networks.kernels.tracing import is_watched


@paddle.jit.not_to_static
def convolve(
    x: Tensor, conv: nn.Conv2D, activation: Activation | None = None, *, upsampling: int = 1
) -> Tensor:
    """Nearest upsampling, then a convolution, then an activation: [B, C, H, W] -> [B, out, H', W'].

    Args:
        x: [B, C, H, W].
        conv: if upsampling is 2, it must have 3x3 filters and a padding of one on each side.
        activation: applied to each value; None applies none.
        upsampling: 1 or 2.
    """
    if is_watched(conv):
        x = F.interpolate(x, scale_factor=2, mode="nearest") if upsampling == 2 else x
        x = conv(x)
        return x if activation is None else activation(x)
    step = Step.of(conv, activation, upsampling=upsampling)
    if not compiles(x, step):
        return step.activate(_with_bias(x, step))
    if activation is None or activation in SLOPES:
        return run_step(x, step)
    return activation(run_step(x, step._replace(activation=None)))


@paddle.jit.not_to_static
def convolve_without_bias(x: Tensor, conv: nn.Conv2D) -> Tensor:
    """The linear part of a convolution: [B, C, H, W] -> [B, out, H', W']."""
    if is_watched(conv):  # a hook may compute its weight
        return conv(x) if conv.bias is None else conv(x) - conv(paddle.zeros_like(x))
    step = Step.of(conv)._replace(bias=None)
    if not compiles(x, step):
        return step.convolve(x)
    return convolve_as_product(x, step) if product_suits(x, step) else run_step(x, step)


@paddle.jit.not_to_static
def convolve_transposed(x: Tensor, conv: nn.Conv2DTranspose) -> Tensor:
    """A transposed convolution that doubles the size: [B, C, H, W] -> [B, out, 2H, 2W].

    Args:
        x: [B, C, H, W].
        conv: with 4x4 filters, stride 2 and padding 1.
    """
    if is_watched(conv):
        return conv(x)
    step = Step(conv.weight, bias=conv.bias)
    if compiles(x, step):
        return run_step(x, step)
    return _with_bias(x, step)


@paddle.jit.not_to_static
def convolve_in_sequence(x: Tensor, blocks: Sequence[nn.Layer]) -> Tensor:
    """Compute blocks, or sequences of them, one after another: [B, C, H, W] -> [B, out, H', W'].

    Args:
        x: [B, C, H, W].
        blocks: layers with the attributes `conv`, `activation` and `upsampling`, see `convolve`,
            and perhaps `norm`, a batch normalisation before the activation.
    """
    if _is_one_graph(x, blocks):
        return run_steps(x, [Step.of_block(block) for block in _flat(blocks)])
    for block in blocks:
        x = block(x)
    return x


def _is_one_graph(x: Tensor, blocks: Sequence[nn.Layer]) -> bool:
    if not compiles(x) or paddle.is_grad_enabled() or any(map(is_watched, blocks)):
        return False
    return not any(map(_uses_batch_statistics, _flat(blocks)))


def _flat(blocks: Sequence[nn.Layer]) -> list[nn.Layer]:
    parts = (block if isinstance(block, nn.Sequential) else [block] for block in blocks)
    return list(chain.from_iterable(parts))


def _uses_batch_statistics(block: nn.Layer) -> bool:
    norm = getattr(block, "norm", None)
    return norm is not None and norm.training


def _with_bias(x: Tensor, step: Step) -> Tensor:
    if not paddle.in_dynamic_mode():  # in an exported graph, a convolution adds its own bias
        return step.convolve(x, step.bias)
    x = convolve_by_paddle(x, step)
    if step.bias is None:
        return x
    if x.dtype != step.bias.dtype:  # under mixed precision, convolutions run in 16 bits
        x = x.astype(step.bias.dtype)
    return AddBias.apply(x, step.bias)
