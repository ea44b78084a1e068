# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Compare methods on images with fixed holes, and write the report."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import paddle
from numpy import ndarray

from ppdeepfill import parallel
from ppdeepfill.atomic_write import (
    check_writable,
    file_identity,
    sole_use,
    synchronise,
    written_whole,
)
from ppdeepfill.data import Skipped, open_source, spread
from ppdeepfill.data.labels import LabelReader, open_labels
from ppdeepfill.data.pixels import to_levels
from ppdeepfill.errors import DataError
from ppdeepfill.evaluation.earlier import add_earlier_scores
from ppdeepfill.evaluation.images import EvaluationSet
from ppdeepfill.evaluation.mask_sets import open_masks, pair_name
from ppdeepfill.evaluation.methods import Method, open_methods
from ppdeepfill.evaluation.metrics.fid import frechet_distance
from ppdeepfill.evaluation.metrics.learned import LearnedMetrics
from ppdeepfill.evaluation.report import FILES, build_record, render_text, write_report
from ppdeepfill.evaluation.report.notes import notes_on
from ppdeepfill.evaluation.report.ranked import describe_ranked, draw_ranked
from ppdeepfill.evaluation.scoring import TRUTH, ImageResult, score_methods
from ppdeepfill.evaluation.settings import ComparisonSettings
from ppdeepfill.terminal.progress import progress
from ppdeepfill.versions import versions

logger = logging.getLogger(__name__)


class Comparison(NamedTuple):
    """What a test found.

    Attributes:
        setting: what was compared and how, as JSON values.
        results: of every image that was scored.
        fid: by method; empty without FID.
        ranked: of `draw_ranked`.
        images: that were asked for.
    """

    setting: dict[str, Any]
    results: list[ImageResult]
    fid: dict[str, float | None]
    ranked: ndarray
    images: EvaluationSet


class _Opened(NamedTuple):
    methods: list[Method]
    learned: LearnedMetrics
    images: EvaluationSet
    indices: list[int]  # of the images to use


def check(settings: ComparisonSettings) -> None:
    """Refuse now what `evaluate` would refuse before its first image.

    Raises:
        UserError: methods, images, masks, weights or folders cannot be used.
    """
    _open(settings)


def compare(settings: ComparisonSettings) -> None:
    """Compare the methods and write the report.

    Raises:
        UserError: there is nothing to compare, or files are missing or cannot be used.
    """
    if parallel.rank() > 0:
        evaluate(settings)
        return
    check_writable(settings.save_dir, change="--save_dir")
    with sole_use(settings.save_dir, change="--save_dir"):
        found = evaluate(settings)
        record = build_record(found.setting, found.results, found.fid)
        write_report(settings.save_dir, record, found.results, found.ranked)
        logger.info("%s", render_text(record))
        for name in FILES:
            logger.info("wrote %s", settings.save_dir / name)
        if settings.save_masks:
            indices = [result.index for result in found.results]
            _save_masks(found.images, indices, settings.save_masks)


def evaluate(settings: ComparisonSettings) -> Comparison | None:
    """Compare the methods; writes nothing.

    Returns:
        None in all processes but the first.

    Raises:
        UserError: there is nothing to compare, or files are missing or cannot be used.
    """
    methods, learned, images, indices = _open(settings)
    setting = _describe(settings, methods, images, len(indices))  # early: the commit may change
    pictured = {indices[place] for place in spread(len(indices), settings.pictures)}
    score = partial(
        score_methods,
        images=images,
        indices=indices,
        learned=learned,
        pictured=pictured,
        batch_size=settings.batch_size,
        workers=settings.num_workers,
    )
    results, skipped = _scored(methods, settings, score)
    if parallel.rank() > 0:
        return None
    setting["images"]["scored"] = len(results)
    setting["samples_sha256"] = _digest(results)
    guided = [m.name for m in methods if m.classes is not None and settings.label_maps]
    setting["notes"] = notes_on(results, skipped, learned, guided=guided)
    setting["ranked"] = describe_ranked(results)
    ranked = draw_ranked(methods, images, results)
    return Comparison(setting, results, _fid(results), ranked, images)


def _scored(
    methods: Sequence[Method], settings: ComparisonSettings, score: Callable
) -> tuple[list[ImageResult], Skipped]:
    """The results of all methods, some from an earlier report if the settings name one."""
    if settings.earlier is not None:
        results, skipped = score([m for m in methods if m.name not in settings.methods])
        if add_earlier_scores(results, settings.methods, settings.earlier, _digest(results)):
            logger.info("%s: as in %s", ", ".join(settings.methods), settings.earlier)
            return results, skipped
    return score(methods)


def _open(settings: ComparisonSettings) -> _Opened:
    opened = open_methods(settings.model_paths, settings.methods)
    methods = [m._replace(name=settings.labels.get(m.name, m.name)) for m in opened]
    learned = LearnedMetrics(settings.lpips_weights, settings.fid_weights)
    images, indices = _open_images(settings, _label_maps(settings.label_maps, methods))
    _check_folders(settings, [images.source.name(index) for index in indices])
    return _Opened(methods, learned, images, indices)


def _label_maps(path: Path | None, methods: Sequence[Method]) -> LabelReader | None:
    if path is None:
        return None
    classes = [method.classes for method in methods if method.classes is not None]
    if not classes:
        raise DataError("--labels: none of the methods takes a label map; leave --labels out")
    return open_labels(path, min(classes))


def _open_images(
    settings: ComparisonSettings, labels: LabelReader | None
) -> tuple[EvaluationSet, list[int]]:
    """Return the images, and the numbers of those to use."""
    source = open_source(settings.images, index_dir=settings.save_dir)
    indices = spread(len(source), settings.num_images or len(source))
    masks = open_masks(
        settings.masks,
        image_size=settings.image_size,
        hole_size=settings.hole_size,
        names=(source.name(index) for index in indices),
        areas=settings.areas,
        seed=settings.seed,
        crop=settings.crop,
    )
    size, crop = settings.image_size, settings.crop
    return EvaluationSet(source, masks, image_size=size, crop=crop, labels=labels), indices


def _check_folders(settings: ComparisonSettings, names: Sequence[str]) -> None:
    """Raise UserError now, not after hours, if the report or the masks cannot be written."""
    check_writable(settings.save_dir, change="--save_dir")
    inputs = [*settings.model_paths, settings.images, settings.masks]
    inputs += [path for path in (settings.lpips_weights, settings.fid_weights) if path]
    for path in (settings.save_dir / name for name in FILES):
        if path.exists() and file_identity(path) in map(file_identity, map(Path, inputs)):
            raise DataError(f"{path} is an input and stays as it is; change --save_dir")
    if settings.save_masks is None:
        return
    check_writable(settings.save_masks, change="--save_masks")
    if settings.save_masks.exists():
        raise DataError(f"{settings.save_masks} exists already; use a new folder for --save_masks")
    twice = [pair for pair, count in Counter(map(pair_name, names)).items() if count > 1]
    if twice:
        raise DataError(f"the masks cannot be saved by name: two images are named {twice[0]!r}")


def _save_masks(images: EvaluationSet, indices: Sequence[int], folder: Path) -> None:
    """Write the masks as PNG, 255 = hole, with names that `open_masks` pairs with the images."""
    with written_whole(folder) as partial:
        partial.mkdir()
        for index in progress(indices, unit="mask"):
            sample = images[index]
            path = partial / f"{pair_name(sample.name)}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(cv2.imencode(".png", to_levels(sample.mask))[1].tobytes())
            synchronise(path)
    logger.info("wrote %s", folder)


def _describe(
    settings: ComparisonSettings,
    methods: Sequence[Method],
    images: EvaluationSet,
    count: int,
) -> dict[str, Any]:
    """Describe the test for the report, apart from its results."""
    height, width = settings.image_size
    how = "centred window at the image's own scale" if settings.crop else "the whole image resized"
    return {
        "images": {
            "source": settings.images,
            "asked_for": count,
            "size": f"{height} x {width} pixels (height x width), {how}",
        },
        "masks": {"description": images.masks.description},
        "seed": settings.seed,
        "device": paddle.device.get_device(),
        "batch_size": settings.batch_size,
        "processes": parallel.world_size(),
        "versions": versions(),
        "methods": [
            {"name": m.name, "description": m.description, "sha256": m.sha256} for m in methods
        ],
    }


def _fid(results: Sequence[ImageResult]) -> dict[str, float | None]:
    """Return the FID to the truth by method; None for a single image, empty without features."""
    features = {key: np.stack([r.features[key] for r in results]) for key in results[0].features}
    truth = features.pop(TRUTH, None)
    return {
        method: frechet_distance(column, truth) if len(column) > 1 else None
        for method, column in features.items()
    }


def _digest(results: Sequence[ImageResult]) -> str:
    """Return a hash of all images and masks as compared; equal hashes mean equal tests."""
    return hashlib.sha256(b"".join(result.digest for result in results)).hexdigest()
