# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Sample photographs for the page, from other packages."""

import base64
from functools import cache
from typing import NamedTuple

import cv2

from ppdeepfill.app.filling import open_photo
from ppdeepfill.app.visits import Visit
from ppdeepfill.data.sources import BundledFiles
from ppdeepfill.photos import Photo

SIDE = 96  # px of a thumbnail
CHOSEN = (("validation", 1), ("validation", 0), ("train", 7), ("train", 0), ("train", 1))


class Sample(NamedTuple):
    """A photograph, opened."""

    visit: Visit
    photo: Photo


@cache
def sample(number: int) -> Sample:
    """The photograph with this number, from 0."""
    part, index = CHOSEN[number]
    files = BundledFiles(f"bundled:{part}")
    return Sample(*open_photo(files.read_bytes(index), files.names[index]))


def thumbnail(number: int) -> dict[str, str]:
    """Name and picture of a sample, for the page."""
    image = sample(number).photo.rgb()
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    square = cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    content = cv2.imencode(".jpg", square[..., ::-1])[1].tobytes()
    url = f"data:image/jpeg;base64,{base64.b64encode(content).decode('ascii')}"
    return {"name": sample(number).visit.name, "picture": url}
