# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Fill an uploaded photo, with the functions of `ppdeepfill predict`."""

from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import BinaryIO

from PIL import Image

from ppdeepfill.deployment.exported import ExportedInpainter
from ppdeepfill.inference.inpainter import Inpainter
from ppdeepfill.inference.strategies import Strategy, fill
from ppdeepfill.photos import HoleRule, encoded, hole_of_mask, photo_from, suffix_of
from ppdeepfill.weights.finding import filled_network, find_generator
from ppdeepfill.weights.foreign_models import is_exported
from ppdeepfill.weights.generator_file import read_generator, sha256_of

PHOTO, MASK = Path("photo"), Path("mask")  # names of the uploads in messages


@dataclass(frozen=True)
class Model:
    """The network that is served.

    Attributes:
        inpainter: fills holes with the network.
        description: what GET /info says about it.
    """

    inpainter: Inpainter | ExportedInpainter
    description: dict


@dataclass(frozen=True)
class Order:
    """A client's request.

    Attributes:
        photo, mask: the uploaded files.
        rule: how to recognise the hole.
        as_png: return a PNG, whatever the format of the photo.
        unwanted: set it to stop before the next crop.
    """

    photo: BinaryIO
    mask: BinaryIO
    rule: HoleRule
    as_png: bool
    unwanted: Event = field(default_factory=Event)

    def check_wanted(self, *_: int) -> None:
        """Raise CancelledError if the result is unwanted."""
        if self.unwanted.is_set():
            raise CancelledError


@dataclass(frozen=True)
class Filled:
    """The answer to a request.

    Attributes:
        content: an image file.
        media_type: its media type.
        name: a name for the file.
        notes: what differs from the photo, one phrase each ("its palette ...").
    """

    content: bytes
    media_type: str
    name: str
    notes: tuple[str, ...]


def open_model(path: Path) -> Model:
    """Open a folder written by `ppdeepfill export`, or a network like `ppdeepfill predict` does.

    Raises:
        UserError: there is no network, or it cannot be used.
    """
    if is_exported(path):
        exported = ExportedInpainter(path)
        described, sha256 = exported.description, exported.description["generator_sha256"]
        return Model(exported, _description(described, sha256) | {"exported": True})
    file = find_generator(path)
    generator = read_generator(file)
    inpainter = Inpainter(filled_network(generator, source=str(file)))
    return Model(inpainter, _description(generator._asdict(), sha256_of(file)))


def _description(generator: dict, sha256: str) -> dict:
    named = {key: generator[key] for key in ("network", "options", "iteration")}
    return named | {"sha256": sha256, "exported": False}


def fill_order(model: Model, order: Order, most_pixels: int) -> Filled:
    """Fill the hole of an uploaded photo.

    Args:
        model: the network.
        order: the request.
        most_pixels: limit for the photo, and for the mask.

    Raises:
        UserError: an upload cannot be used, or the hole is empty or covers the whole photo.
        CancelledError: the result is unwanted.
    """
    photo = photo_from(order.photo.read(), PHOTO, most_pixels=most_pixels)
    mask = photo_from(order.mask.read(), MASK, most_pixels=most_pixels)
    hole = hole_of_mask(photo, mask, MASK, order.rule)
    filling = fill(model.inpainter, photo.rgb(), hole, Strategy(), before_crop=order.check_wanted)
    completed = photo.completed(filling.image, hole)
    if order.as_png:
        completed = completed.as_png()
    content, written = encoded(completed, PHOTO)
    name = f"filled{suffix_of(written, '')}"
    return Filled(content, Image.MIME[written.format], name, written.notes)
