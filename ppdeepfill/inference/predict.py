# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Fill the holes of photographs on disk."""

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from numpy import ndarray
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from ppdeepfill.drawing.borrowed import draw_borrowed, draw_offsets
from ppdeepfill.errors import DataError
from ppdeepfill.inference.inpainter import ATTENTION_MEMORY, Inpainter
from ppdeepfill.inference.strategies import Filling, Strategy, fill
from ppdeepfill.photos import (
    HoleRule,
    NoHole,
    Pair,
    Photo,
    Results,
    find_hole,
    find_pairs,
    read_photo,
    suffix_of,
    write_photo,
)
from ppdeepfill.weights.finding import default_model, find_generator

logger = logging.getLogger(__name__)

DRAWINGS = {"_offsets.png": draw_offsets, "_borrowed.png": draw_borrowed}


def predict(
    image_path: Path,
    mask_path: Path | None = None,
    *,
    model_path: Path | None = None,
    save_dir: Path = Path("output/result"),
    hole_rule: HoleRule | None = None,
    strategy: Strategy | None = None,
    file_format: str = "same",
    save_attention: bool = False,
    attention_memory: float = ATTENTION_MEMORY,
) -> list[Path]:
    """Fill one photo, or all photos of a folder.

    A photo of a folder that cannot be filled, or has no hole, is named, counted and left out.

    Args:
        image_path: a photo, or a folder of photos at any depth.
        mask_path: a mask, or a folder of masks with the names of the photos; None: the hole is
            a colour in the photo, see `HoleRule`.
        model_path: a generator file, the folder of a checkpoint, an output_dir, or demo; None: the
            newest run below ./output, else demo.
        save_dir: the folder of results, under the names of the photos.
        hole_rule: how the hole is recognised; None: white in the mask.
        strategy: how large photos are filled; None: `Strategy()`.
        file_format: "same": as the photo, which for JPEG means compressing it again; "png".
        save_attention: also write NAME_offsets.png and NAME_borrowed.png.
        attention_memory: GiB, see `Inpainter`.

    Returns:
        The filled photos.

    Raises:
        UserError: a path, an option or the model is not usable, a single photo or none of a folder
            can be filled, or a result cannot be written.
    """
    hole_rule, strategy = hole_rule or HoleRule(), strategy or Strategy()
    if mask_path is None and hole_rule.color is None:
        raise DataError("where is the hole? Give --mask_path or --hole_color")
    pairs = find_pairs(image_path, mask_path, save_dir)
    results = Results(save_dir, pairs)
    model_path = find_generator(model_path or default_model())
    inpainter = Inpainter.from_checkpoint(model_path, attention_memory=attention_memory)
    logger.info("model: %s", model_path)
    job = _Job(inpainter, hole_rule, strategy, file_format, save_attention, results)
    if image_path.is_dir():
        return list(_filled_of_folder(job, pairs))
    return [job.run(pairs[0])]


class _Job(NamedTuple):
    """What is done to each photo."""

    inpainter: Inpainter
    hole_rule: HoleRule
    strategy: Strategy
    file_format: str
    save_attention: bool
    results: Results

    def run(self, pair: Pair) -> Path:
        """Fill one photo; DataError when it cannot be, before anything is written."""
        photo = read_photo(pair.image)
        hole = find_hole(photo, pair.image, pair.mask(), self.hole_rule)
        target, *drawings = self._paths(pair, photo)
        filling = fill(
            self.inpainter,
            photo.rgb(),
            hole,
            self.strategy,
            with_offsets=self.save_attention,
        )
        completed = photo.completed(filling.image, hole)
        if pair.masks is None:  # a hole in the photo may be a transparent one
            completed = completed.opaque_in(hole)
        if self.file_format == "png":
            completed = completed.as_png()
        _tell(target, write_photo(target, completed))
        for path, draw in zip(drawings, DRAWINGS.values(), strict=False):  # none asked
            _draw(path, draw, hole, filling)
        return target

    def _paths(self, pair: Pair, photo: Photo) -> list[Path]:
        """Where the results of a photo go: the filled photo first."""
        kept = photo.as_png() if self.file_format == "png" else photo
        endings = [suffix_of(kept, pair.name.suffix)]
        if self.save_attention:
            endings += DRAWINGS
        return self.results.reserve(pair, endings)


def _filled_of_folder(job: _Job, pairs: Sequence[Pair]) -> Iterator[Path]:
    """Fill what can be filled; DataError when nothing can."""
    skipped = without_hole = 0
    loggers = [logging.getLogger(), logging.getLogger("ppdeepfill")]
    with logging_redirect_tqdm(loggers):
        for pair in tqdm(pairs, unit="photo", disable=not sys.stderr.isatty()):
            try:
                yield job.run(pair)
            except NoHole as error:
                without_hole += 1
                logger.warning("left out: %s", error)
            except DataError as error:
                skipped += 1
                logger.warning("skipped: %s", error)
    filled = len(pairs) - skipped - without_hole
    apart = f", {without_hole} left out for want of a hole" if without_hole else ""
    if not filled:
        raise DataError(f"none of the {len(pairs)} photos could be filled{apart}, see above")
    logger.info("%d photos filled, %d skipped%s: %s", filled, skipped, apart, job.results.folder)


def _tell(path: Path, completed: Photo) -> None:
    logger.info("wrote %s", path)
    for note in completed.notes:
        logger.warning("%s: %s", path, note)
    if completed.lossy:
        logger.info(
            "%s is compressed anew: known pixels change a little, most at the hole; --format png "
            "keeps each of them",
            path,
        )


def _draw(path: Path, draw: Callable, hole: ndarray, filling: Filling) -> None:
    if filling.offsets is None:
        reason = "nothing was filled, or this network does not say where it looked"
        logger.warning("%s is not drawn: %s", path, reason)
        return
    write_photo(path, Photo(draw(filling.image, hole, filling.offsets), "PNG"))
