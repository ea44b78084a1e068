# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Contextual attention as in figure 3 of the paper: rebuild features from patches of known ones.

This file needs only paddle and can be copied on its own. The networks use a faster form that gives
the same numbers, see `ppdeepfill.networks.kernels`.

Letters: B batch, C channels, Hf Wf foreground and Hb Wb background feature maps, hf wf hb wb the
same maps after subsampling by `rate`, P = hf * wf foreground positions, L number of background
patches, k patch size. Masks are 1 in the hole and 0 where the image is known.

Source: Yu et al., Generative Image Inpainting with Contextual Attention (CVPR 2018), section 4.1.
The two published implementations treat borders and norms differently; `reference` selects which
one to follow: "tensorflow" (JiahuiYu/generative_inpainting, branch v1.0.0, the authors) or "torch"
(DAA233/generative-inpainting-pytorch).
"""

from typing import Literal

import paddle
import paddle.nn.functional as F
from paddle import Tensor

Reference = Literal["tensorflow", "torch"]

NORM_FLOOR = 1e-4  # authors: patch norm = max(norm, 1e-4)
NORM_OFFSET = 1e-4  # PyTorch port: added to the square of each of the C * k * k patch elements


def contextual_attention(
    foreground: Tensor,
    background: Tensor,
    mask: Tensor | None = None,
    *,
    patch_size: int = 3,
    stride: int = 1,
    rate: int = 2,
    propagation_size: int = 3,
    softmax_scale: float = 10.0,
    reference: Reference = "tensorflow",
) -> tuple[Tensor, Tensor]:
    """Rebuild the foreground from the background patches that resemble it.

    Args:
        foreground: [B, C, Hf, Wf] features to rebuild; Hf and Wf are multiples of `rate`.
        background: [B, C, Hb, Wb] features to take patches from; Hb and Wb are multiples of
            `rate * stride`.
        mask: [B, 1, Hb, Wb] or [1, 1, Hb, Wb], 1 = hole. A background patch that touches the hole
            is never pasted. None allows the whole background.
        patch_size: odd side of the compared patches, in positions of the subsampled maps.
        stride: step between background patches, in positions of the subsampled maps.
        rate: subsampling before the comparison. Pasted patches are 2 * rate wide.
        propagation_size: odd number of diagonal neighbours whose scores are added up, so that
            neighbouring positions prefer neighbouring patches; 1 switches propagation off.
        softmax_scale: the scores are multiplied by it before the softmax.
        reference: whose subsampling and norm to follow, see the top of this file.

    Returns:
        The rebuilt features [B, C, Hf, Wf] and the weights [B, L, hf, wf] with
        L = (Hb / rate / stride) * (Wb / rate / stride) in row-major order. The weights at one
        position sum to 1 minus the share that the softmax gave to masked patches, as in both
        references; they are all 0 if every patch touches the hole.

    Raises:
        ValueError: sizes, batch sizes or channels do not match, or an option is out of range.
    """
    check_options(patch_size, stride, rate, propagation_size, reference)
    check_shapes(foreground, background, mask, rate, stride)
    asking = downsample_nearest(foreground, rate, reference)  # [B, C, hf, wf]
    answering = downsample_nearest(background, rate, reference)  # [B, C, hb, wb]
    grid = asking.shape[2:]
    background_grid = [size // stride for size in answering.shape[2:]]

    scores_BPL = cosine_similarity(asking, answering, patch_size, stride, reference)
    scores_BPL = propagate(scores_BPL, grid, background_grid, propagation_size)
    known_B1L = paddle.ones_like(scores_BPL[:, :1])
    if mask is not None:
        known_B1L = known_patches(downsample_nearest(mask, rate, reference), patch_size, stride)
    weights_BPL = softmax_of_known(softmax_scale * scores_BPL, known_B1L)
    features = paste(weights_BPL, background, grid, rate, stride)
    return features, weights_BPL.transpose([0, 2, 1]).reshape([0, -1, *grid])


# s[p, l] = <f[p], b[l] / |b[l]|> for patches f[p] and b[l] of k x k positions
def cosine_similarity(
    foreground: Tensor, background: Tensor, patch_size: int, stride: int, reference: Reference
) -> Tensor:
    """Scores [B, P, L] of [B, C, hf, wf] against [B, C, hb, wb]; the maps are padded with zeros.

    As in both references, only the background is normalised: the length of a foreground patch
    multiplies all the scores that the softmax compares, much like a different `softmax_scale`.
    """
    asking = F.unfold(foreground, patch_size, paddings=patch_size // 2)  # [B, C * k * k, P]
    answering = F.unfold(background, patch_size, stride, patch_size // 2)  # [B, C * k * k, L]
    squares = answering.square().sum(axis=1, keepdim=True)  # [B, 1, L]
    if reference == "torch":
        norm = (squares + NORM_OFFSET * answering.shape[1]).sqrt()
    else:
        norm = squares.clip(min=NORM_FLOOR**2).sqrt()
    return paddle.matmul(asking, answering / norm, transpose_x=True)


# s'[p, l] = sum over i of s[p + i, l + i], i along the rows and then along the columns
def propagate(scores_BPL: Tensor, grid: list[int], background_grid: list[int], size: int) -> Tensor:
    """Add to each score the scores of both positions shifted together: [B, P, L], |i| <= size // 2.

    This is a convolution with the identity matrix. It shifts flattened positions, so it wraps from
    the end of a row to the next row, as in both references. (The port swaps the names of the two
    grids. That matters only when they differ, and we do not follow it.)
    """
    if size == 1:
        return scores_BPL
    identity = paddle.eye(size, dtype=scores_BPL.dtype).reshape([1, 1, size, size])
    for (hf, wf), (hb, wb) in ((grid, background_grid), (grid[::-1], background_grid[::-1])):
        scores = F.conv2d(scores_BPL.unsqueeze(1), identity, padding=size // 2)
        scores = scores.reshape([-1, hf, wf, hb, wb]).transpose([0, 2, 1, 4, 3])
        scores_BPL = scores.reshape([-1, wf * hf, wb * hb])  # the other axis runs first now
    return scores_BPL


# k[l] = 1 if the mask is 0 on all of patch l, else 0
def known_patches(mask: Tensor, patch_size: int, stride: int) -> Tensor:
    """mask [B, 1, hb, wb], 1 = hole -> [B, 1, L]."""
    patches = F.unfold(mask, patch_size, stride, patch_size // 2)  # [B, k * k, L]
    return (patches.sum(axis=1, keepdim=True) == 0).astype(mask.dtype)


# w[p, l] = k[l] exp(k[l] s[p, l]) / sum over m of exp(k[m] s[p, m])
def softmax_of_known(scores_BPL: Tensor, known_B1L: Tensor) -> Tensor:
    """Weights [B, P, L]. As in both references, masked patches enter with score 0, then get 0."""
    return F.softmax(scores_BPL * known_B1L, axis=-1) * known_B1L


# y = 1/4 sum over p, l of w[p, l] times patch l of the background, laid on position p
def paste(
    weights_BPL: Tensor, background: Tensor, grid: list[int], rate: int, stride: int
) -> Tensor:
    """Mix patches of 2 * rate and lay them `rate` apart, so that four overlap: [B, C, Hf, Wf].

    Like both references, this divides by 4 even at the borders and at rate 1.
    """
    batch, channels = background.shape[:2]
    before, after = rate // 2, rate - rate // 2  # zero padding gives each position one patch
    around = [before, before, after, after]
    patches = F.unfold(background, 2 * rate, rate * stride, around)  # [B, C * 4 * rate**2, L]
    patches = patches.transpose([0, 2, 1]).reshape([-1, channels, 2 * rate, 2 * rate])
    weights = weights_BPL.transpose([0, 2, 1]).reshape([1, -1, *grid])  # [1, B * L, hf, wf]
    pasted = F.conv2d_transpose(
        weights, patches, stride=rate, padding=[before, after] * 2, groups=batch
    )
    return pasted.reshape([batch, channels, *pasted.shape[2:]]) / 4.0


def attention_to_offsets(weights: Tensor, background_size: tuple[int, int]) -> Tensor:
    """Return the offset from each position to the patch with the largest weight.

    Args:
        weights: [B, L, h, w], L in row-major order of the background patches.
        background_size: height and width (hb, wb) of the patch grid, hb * wb = L.

    Returns:
        [B, 2, h, w] int64 (dy, dx) in positions of the grid; the first of equal weights wins.

    Source: the flow map of the authors' `contextual_attention`. The authors divide by the width of
    the foreground, we by that of the background; the results agree when both maps have one size.
    """
    height, width = background_size
    if weights.shape[1] != height * width:
        raise ValueError(
            f"the weights belong to {weights.shape[1]} patches, not to {height} x {width}; "
            "pass the size of the patch grid that they were computed on"
        )
    return best_to_offsets(weights.argmax(axis=1), width)


def best_to_offsets(best: Tensor, width: int) -> Tensor:
    """Patch numbers [B, h, w] on a grid of `width` columns -> offsets [B, 2, h, w] int64."""
    rows = paddle.arange(best.shape[1]).reshape([1, -1, 1])
    columns = paddle.arange(best.shape[2]).reshape([1, 1, -1])
    return paddle.stack([best // width - rows, best % width - columns], axis=1)


def downsample_nearest(x: Tensor, rate: int, reference: Reference = "tensorflow") -> Tensor:
    """Take every `rate`-th position of x [B, C, H, W] -> [B, C, H / rate, W / rate].

    "torch" takes positions 0, rate, 2 * rate, ...; "tensorflow" spreads the same number of
    positions evenly from the first to the last (aligned corners), rounding half up in float32.
    """
    if rate == 1:
        return x
    if reference == "torch":
        return x[:, :, ::rate, ::rate]
    rows, columns = (_aligned_positions(size, rate) for size in x.shape[2:])
    return x.index_select(rows, axis=2).index_select(columns, axis=3)


def _aligned_positions(size: int, rate: int) -> Tensor:
    """Source positions [size / rate] of an aligned-corners nearest subsampling."""
    targets = paddle.arange(size // rate).astype("float32")
    last_source = paddle.arange(size).astype("float32")[-1:]  # a tensor: size may be a symbol
    positions = targets * (last_source / targets[-1:].clip(min=1.0))
    return paddle.floor(positions + 0.5).astype("int64")


def check_options(
    patch_size: int, stride: int, rate: int, propagation_size: int, reference: str
) -> None:
    """Raise ValueError if an option is out of range."""
    for name, value in (("patch_size", patch_size), ("propagation_size", propagation_size)):
        if value < 1 or value % 2 == 0:
            raise ValueError(f"{name} must be a positive odd number; got {value}")
    for name, value in (("stride", stride), ("rate", rate)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1; got {value}")
    if reference not in ("tensorflow", "torch"):
        raise ValueError(f"reference must be 'tensorflow' or 'torch'; got {reference!r}")


def check_shapes(
    foreground: Tensor, background: Tensor, mask: Tensor | None, rate: int, stride: int
) -> None:
    """Raise ValueError unless the shapes match."""
    shapes = f"foreground {foreground.shape}, background {background.shape}"
    if foreground.ndim != 4 or background.ndim != 4:
        raise ValueError(f"features must be [B, C, H, W]; got {shapes}")
    for axis, name in ((0, "batch size"), (1, "number of channels")):
        if foreground.shape[axis] != background.shape[axis]:
            raise ValueError(f"foreground and background must have the same {name}; got {shapes}")
    for x, unit, unit_name in ((foreground, rate, "rate"), (background, rate * stride, "stride")):
        if any(size % unit for size in x.shape[2:]):
            raise ValueError(
                f"height and width must be multiples of {unit} (see {unit_name}); got {shapes}"
            )
    if mask is None:
        return
    batch, channels, *size = mask.shape
    fits = batch in (1, background.shape[0]) and channels == 1 and size == background.shape[2:]
    if not fits:
        raise ValueError(
            f"mask must be [B, 1, Hb, Wb] like the background, with 1 = hole; "
            f"got {mask.shape} for background {background.shape}"
        )
