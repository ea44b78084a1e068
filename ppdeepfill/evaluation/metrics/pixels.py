# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Distances between a completed image and the truth, pixel by pixel.

Both are uint8 [H, W, 3] RGB; 0..255 counts as 0..1 in every formula. `region` is bool [H, W] and
says which pixels count, all if None. Letters: x completed, y truth. Formulas: docs/metrics.md.
"""

import numpy as np
from numpy import ndarray

WHITE = 255
PSNR_OF_EQUALS = 100.0  # dB; infinity would swallow every mean it enters
SSIM_SIGMA = 1.5  # px, of the Gaussian window of 11 x 11; Wang et al. 2004
SSIM_SMALLEST = 11  # px that an image needs on both sides


def l1(completed: ndarray, image: ndarray, region: ndarray | None = None) -> float:
    """Mean |x - y| in 0..1; 0 for an empty region."""
    error = np.abs(_difference(completed, image, region))
    return float(error.mean()) if error.size else 0.0


def l2(completed: ndarray, image: ndarray, region: ndarray | None = None) -> float:
    """Mean (x - y)^2 in 0..1; 0 for an empty region."""
    error = np.square(_difference(completed, image, region))
    return float(error.mean()) if error.size else 0.0


def relative_l1(completed: ndarray, image: ndarray, region: ndarray | None = None) -> float:
    """Sum |x - y| / sum |y|, 0 or more; nan where the truth is black all over."""
    error = np.abs(_difference(completed, image, region)).sum()
    return _ratio(error, _pixels(image, region).sum())


def relative_l2(completed: ndarray, image: ndarray, region: ndarray | None = None) -> float:
    """Sum (x - y)^2 / sum y^2, 0 or more; nan where the truth is black all over."""
    error = np.square(_difference(completed, image, region)).sum()
    return _ratio(error, np.square(_pixels(image, region)).sum())


def psnr(completed: ndarray, image: ndarray, region: ndarray | None = None) -> float:
    """Peak signal-to-noise ratio 10 log10(1 / l2) in dB; 100 for equal images."""
    squared_error = l2(completed, image, region)
    return float(-10 * np.log10(squared_error)) if squared_error else PSNR_OF_EQUALS


def ssim(completed: ndarray, image: ndarray) -> float:
    """Structural similarity in -1..1, 1 for equal images; the mean of the three channels.

    Gaussian window of 11 x 11 with sigma 1.5, K1 0.01, K2 0.03, without the border of 5 pixels
    that the window does not cover.

    Raises:
        ValueError: an image of less than 11 pixels on a side.

    Source: Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity
    (2004), equation 13; scikit-image.
    """
    from skimage.metrics import structural_similarity  # 0.2 s, for many a program that never asks

    similarity = structural_similarity(
        completed,
        image,
        data_range=WHITE,
        channel_axis=2,
        gaussian_weights=True,
        sigma=SSIM_SIGMA,
        use_sample_covariance=False,
    )
    return float(similarity)


def total_variation(completed: ndarray) -> float:
    """Mean |x(r, c+1) - x(r, c)| + mean |x(r+1, c) - x(r, c)| in 0..2; the truth plays no part."""
    x = completed.astype(np.float64) / WHITE
    return float(sum(np.abs(np.diff(x, axis=axis)).mean() for axis in (0, 1)))


def _pixels(image: ndarray, region: ndarray | None) -> ndarray:
    """The values that count, float64 in 0..1."""
    return (image if region is None else image[region]).astype(np.float64) / WHITE


def _difference(completed: ndarray, image: ndarray, region: ndarray | None) -> ndarray:
    return _pixels(completed, region) - _pixels(image, region)


def _ratio(error: np.number, size: np.number) -> float:
    return float(error / size) if size else float("nan")
