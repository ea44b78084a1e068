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

from ppdeepfill import parallel
from ppdeepfill.data.labels import LabelReader, open_labels
from ppdeepfill.data.pixels import to_levels
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
from ppdeepfill.photos.pairs import MASK_ENDING
from ppdeepfill.segmentation.removal import ClassHoles, Removal
from ppdeepfill.terminal.progress import logging_redirect_tqdm
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
    save_mask: bool = False,
    save_attention: bool = False,
    attention_memory: float = ATTENTION_MEMORY,
    removal: Removal | None = None,
    labels: Path | None = None,
) -> list[Path]:
    """Fill one photo, or all photos in a folder.

    Photos in a folder that have no hole or cannot be filled are skipped, with a warning. Several
    processes share a folder: process r of n takes photos r, r + n, ... and waits for no other.

    Args:
        image_path: a photo, or a folder of photos at any depth.
        mask_path: a mask, or a folder of masks named like the photos; None: a colour in the photo
            marks the hole, see `HoleRule`.
        model_path: a generator file, a checkpoint folder, an output_dir, or demo; None: the newest
            run below ./output, or demo if there is none.
        save_dir: the results folder; results are named like the photos.
        hole_rule: how to recognise the hole; None: white in the mask.
        strategy: how to fill large photos; None: `Strategy()`.
        file_format: "same" as the photo, which compresses a JPEG again; or "png".
        save_mask: also write NAME_mask.png, the hole in white as it was filled.
        save_attention: also write NAME_offsets.png and NAME_borrowed.png.
        attention_memory: GiB, see `Inpainter`.
        removal: things to remove, in place of a mask or a colour.
        labels: a label map for all photos, or a folder of them, see `LabelMaps`, for networks that
            are guided by the class of each pixel.

    Returns:
        Paths of the filled photos that this process has written.

    Raises:
        UserError: a path, an option or the model is unusable; the single photo, or all photos of
            the folder, cannot be filled; or a result cannot be written.
    """
    hole_rule, strategy = hole_rule or HoleRule(), strategy or Strategy()
    _check_one_source(mask_path, hole_rule, removal)
    pairs = find_pairs(image_path, mask_path, save_dir, labels)
    results = Results(save_dir, pairs)
    if parallel.world_size() > 1:
        pairs = _own_share(pairs)
        if not pairs:
            return []
    model_path = find_generator(model_path or default_model())
    inpainter = Inpainter.from_checkpoint(model_path, attention_memory=attention_memory)
    logger.info("model: %s", model_path)
    filler = _PhotoFiller(
        inpainter,
        hole_rule,
        strategy,
        file_format,
        save_mask,
        save_attention,
        results,
        None if removal is None else ClassHoles(removal),
        None if labels is None else _label_maps(labels, inpainter),
    )
    if image_path.is_dir():
        return list(_fill_folder(filler, pairs))
    return [filler.fill(pairs[0])]


def _own_share(pairs: Sequence[Pair]) -> list[Pair]:
    """The photos of this process; those whose results may have one name belong to one process."""
    rank, size = parallel.rank(), parallel.world_size()
    names = list(dict.fromkeys(pair.name.with_suffix("") for pair in pairs))
    own = set(names[rank::size])
    share = [pair for pair in pairs if pair.name.with_suffix("") in own]
    logger.info("process %d of %d: %d of %d photos", rank, size, len(share), len(pairs))
    return share


def _check_one_source(mask_path: Path | None, rule: HoleRule, removal: Removal | None) -> None:
    """Raise DataError unless exactly one thing says where the hole is."""
    if removal is not None and (mask_path or rule.color is not None or rule.polarity is not None):
        raise DataError(
            "--remove finds the hole itself: leave out --mask_path, --hole_color, --mask_polarity"
        )
    if removal is None and mask_path is None and rule.color is None:
        raise DataError("where is the hole? Pass --mask_path, --hole_color or --remove")


def _label_maps(path: Path, inpainter: Inpainter) -> LabelReader:
    if inpainter.classes is None:
        raise DataError(
            "--labels: this network takes no label map; leave --labels out, or use a network that "
            "does, such as semantic_guidance"
        )
    return open_labels(path, inpainter.classes)


class _PhotoFiller(NamedTuple):
    """Fills photos, all by the same options."""

    inpainter: Inpainter
    hole_rule: HoleRule
    strategy: Strategy
    file_format: str
    save_mask: bool
    save_attention: bool
    results: Results
    class_holes: ClassHoles | None
    labels: LabelReader | None

    def fill(self, pair: Pair) -> Path:
        """Fill one photo; raise DataError, before writing anything, if that is not possible."""
        photo = read_photo(pair.image)
        hole, labels = self._hole(photo, pair), self._labels(photo, pair)
        target, mask, *drawings = self._paths(pair, photo)
        filling = fill(
            self.inpainter,
            photo.rgb(),
            hole,
            self.strategy,
            labels=labels,
            with_offsets=self.save_attention,
        )
        completed = photo.completed(filling.image, hole)
        found_by_color = pair.masks is None and self.class_holes is None
        if found_by_color:  # the colour may have been "transparent"
            completed = completed.opaque_in(hole)
        if self.file_format == "png":
            completed = completed.as_png()
        _log_result(target, write_photo(target, completed))
        if self.save_mask:
            write_photo(mask, Photo(to_levels(hole)[..., None], "PNG"))
            logger.info("wrote %s", mask)
        for path, draw in zip(drawings, DRAWINGS.values(), strict=False):  # [] unless wanted
            _draw(path, draw, hole, filling)
        return target

    def _hole(self, photo: Photo, pair: Pair) -> ndarray:
        if self.class_holes is not None:
            return self.class_holes.find(photo, pair.image, self.hole_rule)
        return find_hole(photo, pair.image, pair.mask(), self.hole_rule)

    def _labels(self, photo: Photo, pair: Pair) -> ndarray | None:
        if self.labels is None:
            return None
        height, width = photo.pixels.shape[:2]
        return self.labels(str(pair.name), (height, width))

    def _paths(self, pair: Pair, photo: Photo) -> list[Path]:
        """The files for the results of a photo: filled photo, mask, drawings."""
        kept = photo.as_png() if self.file_format == "png" else photo
        endings = [suffix_of(kept, pair.name.suffix), f"{MASK_ENDING}.png"]
        if self.save_attention:
            endings += DRAWINGS
        return self.results.reserve(pair, endings)


def _fill_folder(filler: _PhotoFiller, pairs: Sequence[Pair]) -> Iterator[Path]:
    """Fill all photos that can be filled; raise DataError if none can.

    One process of several only counts them: its error would make the launcher end the others.
    """
    skipped = without_hole = 0
    loggers = [logging.getLogger(), logging.getLogger("ppdeepfill")]
    with logging_redirect_tqdm(loggers):
        for pair in tqdm(pairs, unit="photo", disable=not sys.stderr.isatty()):
            try:
                yield filler.fill(pair)
            except NoHole as error:
                without_hole += 1
                logger.warning("left out: %s", error)
            except DataError as error:
                skipped += 1
                logger.warning("skipped: %s", error)
    filled = len(pairs) - skipped - without_hole
    holeless = f", {without_hole} without a hole left out" if without_hole else ""
    if not filled and parallel.world_size() == 1:
        raise DataError(f"none of the {len(pairs)} photos could be filled{holeless}, see above")
    folder = filler.results.folder
    logger.info("%d photos filled, %d skipped%s: %s", filled, skipped, holeless, folder)


def _log_result(path: Path, completed: Photo) -> None:
    logger.info("wrote %s", path)
    for note in completed.notes:
        logger.warning("%s: %s", path, note)
    if completed.lossy:
        logger.info(
            "%s is compressed again, which changes known pixels a little, mostly near the hole; "
            "--format png keeps them exactly",
            path,
        )


def _draw(path: Path, draw: Callable, hole: ndarray, filling: Filling) -> None:
    if filling.offsets is None:
        reason = "nothing was filled, or this network has no attention to show"
        logger.warning("did not draw %s: %s", path, reason)
        return
    write_photo(path, Photo(draw(filling.image, hole, filling.offsets), "PNG"))
    logger.info("wrote %s", path)
