# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Every method on every image of a test: scores, and pictures of some.

Several processes share the images: process r of n takes images r, r + n, ... and all receive the
results of all, in the order of the images.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy import ndarray
from tqdm import tqdm

from ppdeepfill import parallel
from ppdeepfill.data import Skipped, UnreadableImage
from ppdeepfill.data.evaluation_set import EvaluationSample, EvaluationSet
from ppdeepfill.errors import DataError
from ppdeepfill.methods import Method
from ppdeepfill.metrics import measure
from ppdeepfill.metrics.learned import LearnedMetrics

FULL = np.uint8(255)
TRUTH = "truth"  # the column of the images themselves


@dataclass
class ImageResult:
    """What became of one image.

    Attributes:
        index: its number in the source.
        name: its name there.
        hole_area: share of hole in 0..1.
        digest: SHA-256 of the image's and the mask's pixels.
        scores: by method, then by metric.
        features: what FID compares, float32 [2048], by method and for `TRUTH`; empty without FID.
        pictures: uint8 RGB by caption, in the order to show them; empty for most images.
    """

    index: int
    name: str
    hole_area: float
    digest: bytes
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    features: dict[str, ndarray] = field(default_factory=dict)
    pictures: dict[str, ndarray] = field(default_factory=dict)


@dataclass
class Unreadable:
    """An image that could not be scored: why."""

    name: str
    reason: str


def score_methods(
    methods: Sequence[Method],
    images: EvaluationSet,
    indices: Sequence[int],
    *,
    learned: LearnedMetrics,
    pictured: Collection[int] = (),
    batch_size: int = 1,
    workers: int = 0,
) -> tuple[list[ImageResult], list[Unreadable]]:
    """Score the methods on the images of some numbers.

    Args:
        methods: what is compared; names differ.
        images: by number.
        indices: numbers of the images to use.
        learned: the metrics that need weights.
        pictured: numbers of the images whose pictures are kept.
        batch_size: images a network fills at a time.
        workers: threads that read images ahead; 0 reads in between.

    Raises:
        DataError: not one image can be read, or a mask does not fit its image.
    """
    share = indices[parallel.rank() :: parallel.world_size()]
    skipped: list[Unreadable] = []
    samples = _readable(_read_ahead(images, share, workers), images.source.spec, skipped)
    results: list[ImageResult] = []
    with tqdm(total=len(share), unit="image", leave=False, disable=_quiet()) as progress:
        while batch := list(islice(samples, batch_size)):
            results += _score_batch(methods, batch, learned, pictured)
            progress.update(len(batch))
    results = sorted(parallel.gathered(results), key=lambda result: result.index)
    skipped = parallel.gathered(skipped)
    if not results:
        raise DataError(
            f"none of the {len(indices)} images of {images.source.spec} can be used, for example "
            f"{skipped[0].name!r}: {skipped[0].reason}"
        )
    return results, skipped


def _read_ahead(
    images: EvaluationSet, indices: Sequence[int], workers: int
) -> Iterator[EvaluationSample | UnreadableImage]:
    """The samples in order; what cannot be read comes as its error."""

    def read(index: int) -> EvaluationSample | UnreadableImage:
        try:
            return images[index]
        except UnreadableImage as error:
            return error

    if not workers:
        yield from map(read, indices)
        return
    remaining = iter(indices)
    with ThreadPoolExecutor(workers) as pool:
        ahead = [pool.submit(read, index) for index in islice(remaining, 2 * workers)]
        while ahead:
            yield ahead.pop(0).result()
            ahead += [pool.submit(read, index) for index in islice(remaining, 1)]


def _readable(
    samples: Iterator[EvaluationSample | UnreadableImage], spec: str, skipped: list[Unreadable]
) -> Iterator[EvaluationSample]:
    told = Skipped(spec)
    for sample in samples:
        if isinstance(sample, UnreadableImage):
            told.note(sample.name, sample.reason)
            skipped.append(Unreadable(sample.name, sample.reason))
        else:
            yield sample


def _score_batch(
    methods: Sequence[Method],
    batch: Sequence[EvaluationSample],
    learned: LearnedMetrics,
    pictured: Collection[int],
) -> list[ImageResult]:
    images = np.stack([sample.image for sample in batch])
    masks = np.stack([sample.mask for sample in batch])
    results = [ImageResult(s.number, s.name, float(s.mask.mean()), _digest(s)) for s in batch]
    _add_truth(results, batch, learned, pictured)
    for method in methods:
        completed = method.fill_batch(images, masks * FULL)
        for result, sample, filled in zip(results, batch, completed, strict=True):
            scores = measure(filled, sample.image, sample.mask)
            result.scores[method.name] = scores | learned.measure(filled, sample.image)
            result.features |= learned.features(method.name, filled)
            if sample.number in pictured:
                result.pictures |= _pictures(method, sample, filled)
    return results


def _add_truth(
    results: Sequence[ImageResult],
    batch: Sequence[EvaluationSample],
    learned: LearnedMetrics,
    pictured: Collection[int],
) -> None:
    for result, sample in zip(results, batch, strict=True):
        result.features |= learned.features(TRUTH, sample.image)
        if sample.number in pictured:
            hole = sample.mask[..., None] > 0
            result.pictures = {"input": np.where(hole, FULL, sample.image), TRUTH: sample.image}


def _pictures(method: Method, sample: EvaluationSample, filled: ndarray) -> dict[str, ndarray]:
    pictures = {method.name: filled}
    if method.draw_offsets:
        offsets = method.draw_offsets(sample.image, sample.mask * FULL)
        if offsets is not None:
            pictures[f"{method.name}: offsets"] = offsets
    return pictures


def _digest(sample: EvaluationSample) -> bytes:
    return hashlib.sha256(sample.image.tobytes() + sample.mask.tobytes()).digest()


def _quiet() -> bool | None:
    """Whether to hide the progress bar; None leaves it to tqdm, which hides it in a pipe."""
    return True if parallel.rank() else None
