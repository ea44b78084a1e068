# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What the browser sends, checked: a photo or the number of a sample, and the paint."""

import base64
import binascii

from ppdeepfill.app import filling
from ppdeepfill.app.samples import CHOSEN, sample
from ppdeepfill.app.visits import Visit
from ppdeepfill.app.words import Refusal
from ppdeepfill.photos import Photo

LONGEST_PHOTO = filling.MEGABYTES * 4 * 2**20 // 3 + 4  # characters of base64
LONGEST_MASK = 12 << 20


def opened(chosen: object) -> tuple[Visit, Photo]:
    """Open the sample or file that the painter sends.

    Raises:
        DataError: there is none, or it cannot be opened.
    """
    chosen = chosen if isinstance(chosen, dict) else {}
    if "sample" in chosen:
        if chosen["sample"] not in range(len(CHOSEN)):
            raise Refusal("no_sample", number=repr(chosen["sample"]))
        return sample(chosen["sample"])
    file = chosen.get("file")
    if not isinstance(file, dict) or not isinstance(file.get("name"), str):
        raise Refusal("not_arrived")
    name = file["name"]
    content = _decoded(
        file.get("content"),
        LONGEST_PHOTO,
        too_large=Refusal("too_large", name=name, megabytes=filling.MEGABYTES),
        incomplete=Refusal("not_complete", name=name),
    )
    return filling.open_photo(content, name)


def mask_of(painted: object) -> bytes:
    """The image file of the paint, empty before the first stroke.

    Raises:
        DataError: it is damaged.
    """
    damaged = Refusal("paint_not_complete")
    mask = painted.get("mask") if isinstance(painted, dict) else None
    return _decoded(mask, LONGEST_MASK, too_large=damaged, incomplete=damaged)


def _decoded(text: object, longest: int, *, too_large: Refusal, incomplete: Refusal) -> bytes:
    """Decode base64, with or without the prefix of a data URL."""
    text = text.rpartition(",")[2] if isinstance(text, str) else ""
    if len(text) > longest:
        raise too_large
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise incomplete from None
