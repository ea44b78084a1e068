# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Methods without a network, called like `Inpainter`: a network should beat them.

All take an image uint8 [H, W, 3] RGB and a mask uint8 [H, W] (255 = hole, 0 = known), and return
uint8 [H, W, 3] with the known pixels unchanged.
"""

from collections.abc import Callable

import cv2
import numpy as np
import paddle
from numpy import ndarray

from ppdeepfill.data.pixels import HALF_RANGE, is_hole, to_unit_range
from ppdeepfill.inference.patchmatch import fill_with_patches
from ppdeepfill.networks import Prediction

RADIUS = 3  # px: OpenCV fills each pixel from neighbours within this distance


def mean_fill(image: ndarray, mask: ndarray) -> ndarray:
    """Fill the hole with the mean colour of the known pixels; mid-grey if there are none."""
    hole = is_hole(mask)
    color = image[~hole].mean(axis=0) if not hole.all() else HALF_RANGE
    completed = image.copy()
    completed[hole] = np.rint(color)
    return completed


def telea(image: ndarray, mask: ndarray) -> ndarray:
    """Fill the hole from its border inward.

    Source: Telea, An Image Inpainting Technique Based on the Fast Marching Method (2004); OpenCV.
    """
    return _inpaint(image, mask, cv2.INPAINT_TELEA)


def navier_stokes(image: ndarray, mask: ndarray) -> ndarray:
    """Continue lines of equal brightness into the hole.

    Source: Bertalmio et al., Navier-Stokes, Fluid Dynamics, and Image and Video Inpainting (2001);
    OpenCV.
    """
    return _inpaint(image, mask, cv2.INPAINT_NS)


def patchmatch(image: ndarray, mask: ndarray) -> ndarray:
    """Fill the hole with similar patches of the known region.

    Falls back to `mean_fill` if the known region has no whole patch.

    Source: Wexler et al. (2007) with the search of Barnes et al. (2009), see patchmatch.py.
    """
    hole = is_hole(mask)
    filled = fill_with_patches(image, hole) if hole.any() else image
    if filled is None:
        return mean_fill(image, mask)
    return np.where(hole[..., None], np.rint(filled), image).astype(np.uint8)


def _inpaint(image: ndarray, mask: ndarray, algorithm: int) -> ndarray:
    hole = is_hole(mask).astype(np.uint8)
    if hole.all():  # OpenCV would return the image unchanged
        return mean_fill(image, mask)
    return cv2.inpaint(np.ascontiguousarray(image), hole, RADIUS, algorithm)


BASELINES: dict[str, Callable[[ndarray, ndarray], ndarray]] = {
    method.__name__: method for method in (mean_fill, telea, navier_stokes, patchmatch)
}


class BaselineInpainter:
    """One of `BASELINES` where `ppdeepfill.inference.strategies.fill` expects an `Inpainter`."""

    multiple = 1

    def __init__(self, name: str):
        self._method = BASELINES[name]

    def predict(self, images: ndarray, masks: ndarray) -> Prediction:
        """Fill uint8 [B, H, W, 3] and [B, H, W]: a prediction of one stage, without attention."""
        filled = np.stack([self._method(i, m) for i, m in zip(images, masks, strict=True)])
        return Prediction(paddle.to_tensor(to_unit_range(filled.transpose(0, 3, 1, 2))))

    def predict_in_holes(self, images: ndarray, masks: ndarray) -> Prediction:
        """Return the same as `predict`, which `Inpainter` can do faster here."""
        return self.predict(images, masks)
