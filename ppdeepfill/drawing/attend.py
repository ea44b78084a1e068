# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Contextual attention between images: rebuild one image from patches of another.

Letters: C 3 channels, hf wf the rebuilt image's grid after subsampling, P = hf * wf, L patches.

Source: the style-transfer demonstration of the layer in the authors' code (branch v1.0.0).
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import paddle
from numpy import ndarray

from ppdeepfill.atomic_write import check_writable, file_identity, written_whole
from ppdeepfill.data.decoding import read_image
from ppdeepfill.drawing.offsets import color_offsets
from ppdeepfill.errors import DataError
from ppdeepfill.networks import ContextualAttention
from ppdeepfill.networks.kernels import contextual_attention_in_blocks

logger = logging.getLogger(__name__)

RATE = 2  # rate of the attention, as in the authors' code
PATCHES_SCALE = 0.5  # the authors halve image A before they extract its patches
MEMORY = 1 << 26  # memory limit of the attention, in bytes


def attend(image_a: Path, image_b: Path, out: Path, *, offsets: Path | None = None) -> None:
    """Write image B rebuilt from patches of image A.

    Args:
        image_a: source of the patches; halved first.
        image_b: image to rebuild.
        out: file for the result; its suffix determines the format.
        offsets: file for a colour-coded map of the offsets to the patches.

    Raises:
        DataError: an image cannot be read, is smaller than a patch, or is to have a name that
            stands for no format, or is that of an input or of the other picture.
        OutputError: the folder of a picture cannot be written.
    """
    outputs = [path for path in (out, offsets) if path is not None]
    for path in outputs:
        _check_name(path)
    _check_apart((image_a, image_b), outputs)
    halved = cv2.resize(
        _read(image_a, RATE / PATCHES_SCALE),
        None,
        fx=PATCHES_SCALE,
        fy=PATCHES_SCALE,
        interpolation=cv2.INTER_CUBIC,
    )
    rebuilt, offset_map = rebuild(_read(image_b, RATE), halved)
    _write(out, rebuilt)
    if offsets is not None:
        _write(offsets, color_offsets(offset_map))


def rebuild(image: ndarray, patches_from: ndarray) -> tuple[ndarray, ndarray]:
    """Rebuild an image from patches of another.

    Equals `contextual_attention` on values 0..255 without mask and propagation, computed for a few
    positions at a time, since the similarities of two photographs do not fit into memory.

    Args:
        image: uint8 [H, W, 3]; cropped at the bottom and right to even sizes.
        patches_from: uint8 [H', W', 3]; cropped the same way.

    Returns:
        The rebuilt image uint8 [H, W, 3] and the offsets [2, H / 2, W / 2] int (dy, dx).

    Raises:
        DataError: an image is smaller than 2 x 2 pixels.
    """
    features, offsets = contextual_attention_in_blocks(
        _to_features(image),
        _to_features(patches_from),
        memory=MEMORY,
        **ContextualAttention(propagation_size=1).options,
    )
    rebuilt = features[0].transpose([1, 2, 0]).numpy().round().clip(0, 255).astype(np.uint8)
    return rebuilt, offsets[0].numpy()


def _to_features(image: ndarray) -> paddle.Tensor:
    """Convert uint8 [H, W, 3] -> float32 [1, 3, H', W'] in 0..255; H', W' multiples of RATE."""
    height, width = (size // RATE * RATE for size in image.shape[:2])
    if not height or not width:
        raise DataError(f"an image of {image.shape[1]} x {image.shape[0]} pixels is too small")
    cropped = image[:height, :width].transpose(2, 0, 1)[None]
    return paddle.to_tensor(np.ascontiguousarray(cropped, dtype=np.float32))


def _read(path: Path, smallest: float) -> ndarray:
    """Read an RGB image, which must have at least `smallest` pixels per side."""
    image = read_image(path)
    if min(image.shape[:2]) < smallest:
        height, width = image.shape[:2]
        raise DataError(
            f"{path} has {width} x {height} pixels; it needs at least {smallest:.0f} x "
            f"{smallest:.0f}"
        )
    return image


def _check_apart(inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """DataError where a picture would replace an input, or the other picture."""
    taken = {file_identity(path): f"the input {path}" for path in inputs}
    for path in outputs:
        if file_identity(path) in taken:
            raise DataError(f"{path} would replace {taken[file_identity(path)]}; use another name")
        taken[file_identity(path)] = f"the other picture, {path}"


def _check_name(path: Path) -> None:
    """Raise UserError for an unusable output name, before spending minutes on the picture."""
    check_writable(path.parent, change=str(path))
    if path.is_dir():
        raise DataError(f"cannot write {path}: this is a folder; use the name of an image file")
    _encoded(path, np.zeros([256, 256, 3], np.uint8))


def _write(path: Path, image: ndarray) -> None:
    """Write an RGB image; the suffix determines the format."""
    content = _encoded(path, image)
    with written_whole(path) as partial:
        partial.write_bytes(content)
    logger.info("wrote %s", path)


def _encoded(path: Path, image: ndarray) -> bytes:
    """Encode an image; raises DataError if OpenCV cannot store it in this format."""
    try:
        encoded, content = cv2.imencode(path.suffix, image[..., ::-1])
    except cv2.error:
        encoded = False  # which newer versions of OpenCV return
    if not encoded:
        raise DataError(
            f"cannot write {path}: OpenCV cannot write this image in this format; use a name that "
            "ends in .png or .jpg"
        )
    return content.tobytes()
