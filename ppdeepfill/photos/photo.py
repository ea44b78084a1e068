# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A photograph in memory, between its file and the network.

Letters: H W image, C channels (1 grey, 2 grey and alpha, 3 RGB, 4 RGBA).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy import ndarray

from ppdeepfill.data.pixels import to_8_bit


@dataclass(frozen=True)
class Photo:
    """Pixels, and everything else from the file that the result should keep.

    Attributes:
        pixels: uint8 or uint16 [H, W, C] as displayed.
        format: Pillow's name of the file format to write.
        orientation: EXIF orientation of the stored pixels, 1 to 8.
        compression: Pillow's arguments that compress like the original file.
        metadata: Pillow's arguments that write colour profile, EXIF and so on unchanged.
        chunks: (name, content) of the PNG chunks that hold the same metadata in a PNG.
        lossy: whether the file's format changes pixel values.
        notes: what will differ from the original file, one phrase each ("its palette ...").
    """

    pixels: ndarray
    format: str
    orientation: int = 1
    compression: Mapping = field(default_factory=dict)
    metadata: Mapping = field(default_factory=dict)
    chunks: tuple[tuple[bytes, bytes], ...] = ()
    lossy: bool = False
    notes: tuple[str, ...] = ()

    @property
    def alpha(self) -> ndarray | None:
        """[H, W] in the pixels' type, 0 = transparent; None without an alpha channel."""
        return self.pixels[..., -1] if self.pixels.shape[2] in (2, 4) else None

    @property
    def colors(self) -> ndarray:
        """[H, W, 1 or 3]: the pixels without alpha."""
        return self.pixels[..., : self.pixels.shape[2] - (self.alpha is not None)]

    def rgb(self) -> ndarray:
        """uint8 [H, W, 3]; 16 bits are rounded to 8 and grey is repeated."""
        colors = to_8_bit(self.colors)
        return np.ascontiguousarray(np.broadcast_to(colors, [*colors.shape[:2], 3]))

    def completed(self, filled: ndarray, hole: ndarray) -> "Photo":
        """This photo with the hole taken from `filled`; all other values stay the same.

        Args:
            filled: uint8 [H, W, 3] RGB.
            hole: bool [H, W].
        """
        if self.colors.shape[2] == 1:
            filled = cv2.cvtColor(filled, cv2.COLOR_RGB2GRAY)[..., None]
        pixels = self.pixels.copy()
        scale = np.iinfo(pixels.dtype).max // 255
        pixels[hole, : filled.shape[2]] = filled[hole].astype(pixels.dtype) * scale
        return replace(self, pixels=pixels)

    def opaque_in(self, hole: ndarray) -> "Photo":
        """This photo without transparency in the hole, bool [H, W]."""
        if self.alpha is None:
            return self
        pixels = self.pixels.copy()
        pixels[hole, -1] = np.iinfo(pixels.dtype).max
        return replace(self, pixels=pixels)

    def as_png(self) -> "Photo":
        """This photo, to be written as PNG."""
        lost = self.format == "TIFF" and len(self.metadata.get("tiffinfo", ())) > 0
        notes = (
            (*self.notes, "a PNG keeps only its profile and XMP metadata") if lost else self.notes
        )
        return replace(self, format="PNG", lossy=False, notes=notes)
