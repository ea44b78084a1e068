# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Contextual attention: rebuild features from patches of the known region.

This file needs paddle only and can be copied on its own.

Letters: B batch, C channels, Hf Wf foreground and Hb Wb background feature maps, hf wf hb wb the
same maps after subsampling by `rate`, P = hf * wf foreground positions, L = number of background
patches, k patch size. Masks are 1 in the hole and 0 where the image is known.

Source: Yu et al., Generative Image Inpainting with Contextual Attention (CVPR 2018), section 4.1
and figure 3. `reference` selects whose border arithmetic is followed where the two published codes
differ: "tensorflow" (JiahuiYu/generative_inpainting, branch v1.0.0, the authors) or "torch"
(DAA233/generative-inpainting-pytorch).
"""

from typing import Literal

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

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
        foreground: [B, C, Hf, Wf] features that ask; Hf and Wf are multiples of `rate`.
        background: [B, C, Hb, Wb] features that answer; multiples of `rate * stride`.
        mask: [B, 1, Hb, Wb] or [1, 1, Hb, Wb], 1 = hole. A background patch that touches the hole
            is never pasted. None: all of the background may be used.
        patch_size: odd side of the compared patches, in positions of the subsampled maps.
        stride: step between background patches, in positions of the subsampled maps.
        rate: subsampling before the comparison. Pasted patches are 2 * rate wide.
        propagation_size: odd number of diagonal neighbours whose scores are added up, so that
            neighbouring positions prefer neighbouring patches; 1 switches propagation off.
        softmax_scale: factor on the scores before the softmax.
        reference: whose subsampling and norm to follow, see the top of this file.

    Returns:
        The rebuilt features [B, C, Hf, Wf] and the attention [B, L, hf, wf] with
        L = (Hb / rate / stride) * (Wb / rate / stride) in row-major order. The weights of one
        position sum to 1 minus the weight that the softmax gave to masked patches, as in both
        references; they are all 0 where no patch is free of the hole.

    Raises:
        ValueError: sizes, batch sizes or channels do not fit, or an option is out of range.

    Source: equations 2 and 3 of the paper, and `contextual_attention` of the authors' code.
    """
    check_options(patch_size, stride, rate, propagation_size, reference)
    if paddle.in_dynamic_mode():  # sizes are symbols while a graph is exported
        check_shapes(foreground, background, mask, rate, stride)

    foreground_small = downsample_nearest(foreground, rate, reference)  # [B, C, hf, wf]
    background_small = downsample_nearest(background, rate, reference)  # [B, C, hb, wb]
    grid = _grid(foreground_small)
    background_grid = _grid(background_small[:, :, ::stride, ::stride])
    # One name from the scores to the weights: each is large and freed by the next.
    attention_BPL = cosine_similarity(
        foreground_small * softmax_scale,
        background_small,
        patch_size=patch_size,
        stride=stride,
        reference=reference,
    )
    attention_BPL = propagate(attention_BPL, grid, background_grid, propagation_size)
    if mask is None:
        attention_BPL = F.softmax(attention_BPL, axis=-1)
    else:
        mask_small = downsample_nearest(mask, rate, reference)
        known_B1L = known_patches(mask_small, patch_size, stride)
        attention_BPL = _softmax_of_known(attention_BPL, known_B1L)
    pasted = paste(attention_BPL, background, grid, rate=rate, stride=stride)
    attention = attention_BPL.reshape([0, *grid, -1])
    return pasted, attention.transpose([0, 3, 1, 2])


class ContextualAttention(nn.Layer):
    """`contextual_attention` as a layer without parameters; takes the same options."""

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

    def forward(
        self, foreground: Tensor, background: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """See `contextual_attention`."""
        return contextual_attention(foreground, background, mask, **self.options)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.options.items())


def attention_to_offsets(attention: Tensor, background_size: tuple[int, int]) -> Tensor:
    """Return the way from each position to the patch with the largest weight.

    Args:
        attention: [B, L, h, w] weights, L in row-major order of the background patches.
        background_size: height and width (hb, wb) of the patch grid, hb * wb = L.

    Returns:
        [B, 2, h, w] int64 (dy, dx) in positions of the grid; the first of equal weights wins.

    Source: the flow map of the authors' `contextual_attention`, which divides by the foreground's
    width; this divides by the background's, equal when both maps have one size.
    """
    height, width = background_size
    if attention.shape[1] != height * width:
        raise ValueError(
            f"attention has {attention.shape[1]} patches, which is not {height} x {width}; "
            "give the size of the patch grid that it was computed on"
        )
    return best_to_offsets(attention.argmax(axis=1), width)


def best_to_offsets(best: Tensor, width: int) -> Tensor:
    """Numbers of patches [B, h, w] on a grid of `width` columns -> offsets [B, 2, h, w] int64."""
    rows = paddle.arange(best.shape[1]).reshape([1, -1, 1])
    columns = paddle.arange(best.shape[2]).reshape([1, 1, -1])
    return paddle.stack([best // width - rows, best % width - columns], axis=1)


def downsample_nearest(x: Tensor, rate: int, reference: Reference = "tensorflow") -> Tensor:
    """Take every `rate`-th position of x [B, C, H, W] -> [B, C, H / rate, W / rate].

    "torch" takes positions 0, rate, 2 * rate, ...; "tensorflow" spreads the same number of
    positions from the first to the last (aligned corners), rounding half up in float32.
    """
    if rate == 1:
        return x
    if reference == "torch":
        return x[:, :, ::rate, ::rate]
    rows = _aligned_positions(x.shape[2], rate)
    columns = _aligned_positions(x.shape[3], rate)
    return x.index_select(rows, axis=2).index_select(columns, axis=3)


def cosine_similarity(
    foreground: Tensor,
    background: Tensor,
    *,
    patch_size: int = 3,
    stride: int = 1,
    reference: Reference = "tensorflow",
) -> Tensor:
    """Compare foreground patches with unit-length background patches.

    The product of two k x k patches is the sum of k * k products of single positions. Here every
    position is multiplied with every other one once, and products are added up along the diagonals
    of the scores: k * k times fewer multiplications than comparing whole patches. As in both
    references only the background is normalised, which the softmax over background
    patches allows.

    Args:
        foreground: [B, C, h, w]; outside the map counts as 0.
        background: [B, C, h', w'].
        patch_size: odd side k of the patches.
        stride: step between background patches.
        reference: whose lower bound of the norm to use.

    Returns:
        [B, P, L] scores, P = h * w and L the number of background patches.
    """
    (hf, wf), (hb, wb), reach = _grid(foreground), _grid(background), patch_size // 2
    # With zeros around both maps, a shift of both is one shift of the flattened scores. The shift
    # of the last row reaches into one row more.
    padding = [reach, reach, reach, reach + 1]
    asking, answering = F.pad(foreground, padding), F.pad(background, padding)
    row_f, row_b = wf + 2 * reach, wb + 2 * reach
    scores = paddle.matmul(asking.flatten(2), answering.flatten(2), transpose_x=True)
    kept = [(hf + 2 * reach) * row_f, (hb + 2 * reach) * row_b]
    scores = _sum_shifted(scores, [1, 1], patch_size, kept)
    scores = _sum_shifted(scores, [row_f, row_b], patch_size, [hf * row_f, hb * row_b])
    scores = _crop(scores.reshape([-1, row_f, hb, row_b]), [0, 0, 0], [wf, hb, wb])
    if stride > 1:
        scores = scores[:, :, ::stride, ::stride]
    norm = patch_norm(background, patch_size, stride, reference)  # [B, 1, L]
    scores = scores.reshape([-1, hf * wf, norm.shape[2]])
    return scores / _repeated(norm, scores)


def propagate(
    similarity_BPL: Tensor,
    foreground_grid: tuple[int, int],
    background_grid: tuple[int, int],
    size: int = 3,
) -> Tensor:
    """Add to each score those of the pairs shifted together, along columns and then along rows.

    The shift runs over flattened positions, so it wraps from the end of a row to the next one;
    both references do. (The port swaps the names of the grids, which matters only when they differ
    and is not followed.)

    Args:
        similarity_BPL: [B, P, L] scores.
        foreground_grid: (h, w) with h * w = P.
        background_grid: (h', w') with h' * w' = L.
        size: odd number of neighbours in the sum; 1 returns the scores unchanged.

    Returns:
        [B, P, L].

    Source: "attention propagation" in section 4.1 of the paper; `fuse` in the authors' code.
    """
    if size == 1:
        return similarity_BPL
    (hf, wf), (hb, wb), reach = foreground_grid, background_grid, size // 2
    grids = [hf * wf, hb * wb]
    scores = _with_zeros(_with_zeros(similarity_BPL, 2, reach, reach), 1, reach, reach)
    scores = _sum_shifted(scores, [1, 1], size, grids)
    scores = _continue_columns(scores, 2, background_grid, reach)
    scores = _continue_columns(scores, 1, foreground_grid, reach)
    return _sum_shifted(scores, [wf, wb], size, grids)


def paste(
    attention_BPL: Tensor,
    background: Tensor,
    foreground_grid: tuple[int, int],
    *,
    rate: int = 2,
    stride: int = 1,
) -> Tensor:
    """Lay on every position the background patches that its weights mix.

    Patches are 2 * rate wide and placed `rate` apart. So four patches meet in each cell of
    rate x rate positions, each with another quarter, and where these quarters come from
    neighbouring patches they are the same cell of the background. Here the weights of such patches
    are added up and cells are mixed: a quarter of the multiplications of mixing patches.

    Both references divide by 4 at the borders and at rate 1 too.

    Args:
        attention_BPL: [B, P, L] weights.
        background: [B, C, Hb, Wb].
        foreground_grid: (h, w) with h * w = P.
        rate: half the side of the patches, and how far apart they are laid.
        stride: step between background patches, in units of `rate`.

    Returns:
        [B, C, h * rate, w * rate].
    """
    (hf, wf), (before, after) = foreground_grid, paste_padding(rate)
    padding = [before, before, after, after]
    cells = F.unfold(background, rate, strides=rate, paddings=padding)  # [B, C * rate * rate, L']
    hb, wb = background.shape[2] // rate, background.shape[3] // rate
    weights = attention_BPL
    if stride > 1:
        weights = _spread(weights, [hb // stride, wb // stride], stride)
    weights = _cell_weights(weights, [hf, wf], [hb, wb])  # [B, P', L']
    pasted = paddle.matmul(cells, weights, transpose_y=True)
    pasted = pasted.reshape([-1, background.shape[1] * rate**2, hf + 1, wf + 1])
    pasted = F.pixel_shuffle(pasted, rate)
    return _crop(pasted, [before, before], [hf * rate, wf * rate]) / 4.0


def _grid(x: Tensor) -> tuple[int, int]:
    return x.shape[2], x.shape[3]


def _aligned_positions(size: int, rate: int) -> Tensor:
    """Source positions [size / rate] of an aligned-corners nearest subsampling."""
    targets = paddle.arange(size // rate).astype("float32")
    last_source = paddle.arange(size).astype("float32")[-1:]  # a tensor: size may be a symbol
    positions = targets * (last_source / targets[-1:].clip(min=1.0))
    return paddle.floor(positions + 0.5).astype("int64")


def _sum_shifted(scores: Tensor, shift: list[int], size: int, kept: list[int]) -> Tensor:
    """sum over i < size of scores[:, i * shift[0] :, i * shift[1] :], cut to [B, *kept]."""
    total = _crop(scores, [0, 0], kept)
    for i in range(1, size):
        total = total + _crop(scores, [i * shift[0], i * shift[1]], kept)
    return total


def _crop(x: Tensor, starts: list[int], sizes: list[int]) -> Tensor:
    """x[..., start : start + size] along the last axes, as many as there are starts."""
    whole = x.ndim - len(starts)
    if paddle.in_dynamic_mode():  # slices take ten times longer on a CPU
        return paddle.crop(x, x.shape[:whole] + sizes, [0] * whole + starts)
    ends = [starts[i] + sizes[i] for i in range(len(starts))]
    return paddle.slice(x, list(range(whole, x.ndim)), starts, ends)


def _part(x: Tensor, axis: int, start: int, size: int) -> Tensor:
    """[B, N, M] cut along axis 1 or 2."""
    behind = 2 - axis
    return _crop(x, [start] + [0] * behind, [size] + x.shape[3 - behind :])


def _with_zeros(x: Tensor, axis: int, before: int, after: int) -> Tensor:
    """Zeros at both ends of axis 1 or 2 of [B, N, M]. F.pad takes ten times longer on a CPU."""
    zero = paddle.zeros_like(_part(x, axis, 0, 1))
    return paddle.concat([zero] * before + [x] + [zero] * after, axis)


def _continue_columns(x: Tensor, axis: int, grid: tuple[int, int], reach: int) -> Tensor:
    """Rows before and behind a grid that go on with its columns: axis 1 or 2 of x, [B, N, M].

    The end of a column leads to the top of the next one, and the last one to zeros.
    """
    height, width = grid
    for i in range(reach):
        last = _part(x, axis, (height - 1) * width, width)
        first = _part(x, axis, 2 * i * width, width)
        before = _part(_with_zeros(last, axis, 1, 0), axis, 0, width)
        behind = _part(_with_zeros(first, axis, 0, 1), axis, 1, width)
        x = paddle.concat([before, x, behind], axis)
    return x


def _softmax_of_known(scores_BPL: Tensor, known_B1L: Tensor) -> Tensor:
    """Weights [B, P, L]. Masked patches count with a score of 0, as in both codes, but get none."""
    known_BPL = _repeated(known_B1L, scores_BPL)
    return F.softmax(scores_BPL * known_BPL, axis=-1) * known_BPL


def _repeated(row_B1L: Tensor, like_BPL: Tensor) -> Tensor:
    """A row for every position: [B, P, L]. On a CPU, broadcasting one takes ten times longer."""
    return paddle.matmul(paddle.ones_like(_part(like_BPL, 2, 0, 1)), row_B1L)


def _spread(attention_BPL: Tensor, grid: list[int], stride: int) -> Tensor:
    """Zeros for the patches that a stride left out: [B, P, L * stride**2]."""
    rows = attention_BPL.shape[1] * grid[0]
    weights = F.pad(attention_BPL.reshape([-1, rows, grid[1], 1]), [0, stride - 1, 0, 0])
    weights = weights.reshape([-1, rows, 1, grid[1] * stride])
    weights = F.pad(weights, [0, 0, 0, stride - 1])
    return weights.reshape([-1, attention_BPL.shape[1], grid[0] * grid[1] * stride**2])


def _cell_weights(weights_BPL: Tensor, foreground: list[int], background: list[int]) -> Tensor:
    """Weights of patches -> of cells, [B, (hf + 1) * (wf + 1), (hb + 1) * (wb + 1)].

    The cell at the top left of a patch is also the top right one of the patch to the left, and so
    on: two pairs of patch and position add up along rows, then along columns.
    """
    (hf, wf), (hb, wb) = foreground, background
    weights = _with_zeros(weights_BPL.reshape([-1, hb, wb]), 2, 1, 0)
    weights = _with_zeros(weights, 1, 1, 2)
    wf, wb = wf + 1, wb + 1
    weights = _with_zeros(weights.reshape([-1, wf - 1, (hb + 3) * wb]), 1, 1, 0)
    weights = _with_zeros(weights.reshape([-1, hf, wf * (hb + 3) * wb]), 1, 1, 2)
    weights = weights.reshape([-1, (hf + 3) * wf, (hb + 3) * wb])
    weights = _sum_shifted(weights, [1, 1], 2, [(hf + 2) * wf, (hb + 2) * wb])
    return _sum_shifted(weights, [wf, wb], 2, [(hf + 1) * wf, (hb + 1) * wb])


def _box_sum(x: Tensor, size: int, stride: int) -> Tensor:
    """Sum over each size x size window of [B, 1, h, w], zeros beyond the border -> [B, 1, L]."""
    window = paddle.ones([1, 1, size, size], x.dtype)
    return F.conv2d(x, window, stride=stride, padding=size // 2).flatten(2)


def paste_padding(rate: int) -> tuple[int, int]:
    """Zeros before and after an axis so that each position has one patch of 2 * rate."""
    return rate // 2, rate - rate // 2


def patch_norm(background: Tensor, patch_size: int, stride: int, reference: Reference) -> Tensor:
    """Length of each background patch, bounded away from 0: [B, 1, L]."""
    squares = _box_sum(background.square().sum(axis=1, keepdim=True), patch_size, stride)
    if reference == "torch":
        return (squares + NORM_OFFSET * background.shape[1] * patch_size**2).sqrt()
    return squares.clip(min=NORM_FLOOR**2).sqrt()


def known_patches(mask: Tensor, patch_size: int, stride: int) -> Tensor:
    """1 for background patches entirely outside the hole, else 0: [B, 1, L]."""
    return (_box_sum(mask, patch_size, stride) == 0).astype(mask.dtype)


def check_options(
    patch_size: int, stride: int, rate: int, propagation_size: int, reference: str
) -> None:
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
    """Raise ValueError where sizes do not fit."""
    shapes = f"foreground {foreground.shape}, background {background.shape}"
    if foreground.ndim != 4 or background.ndim != 4:
        raise ValueError(f"features must be [B, C, H, W]; got {shapes}")
    for axis, name in ((0, "batch size"), (1, "number of channels")):
        if foreground.shape[axis] != background.shape[axis]:
            raise ValueError(f"foreground and background need one {name}; got {shapes}")
    for x, unit, unit_name in ((foreground, rate, "rate"), (background, rate * stride, "stride")):
        if any(size % unit for size in x.shape[2:]):
            raise ValueError(
                f"height and width must be multiples of {unit} (from {unit_name}); got {shapes}"
            )
    if mask is None:
        return
    batch, channels, *size = mask.shape
    fits = batch in (1, background.shape[0]) and channels == 1 and size == background.shape[2:]
    if not fits:
        raise ValueError(
            f"mask must be [B, 1, Hb, Wb] of the background with 1 = hole; "
            f"got {mask.shape} for background {background.shape}"
        )
