# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Score every method on every image of a test, and keep pictures of some.

Several processes share the images: process r of n takes images r, r + n, ..., and all of them get
all results, in the order of the images.
"""

import hashlib
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy import ndarray
from tqdm import tqdm

from ppdeepfill import parallel
from ppdeepfill.data import Skipped, UnreadableImage
from ppdeepfill.data.pixels import WHITE, to_levels
from ppdeepfill.errors import DataError, UserError
from ppdeepfill.evaluation.images import EvaluationSample, EvaluationSet
from ppdeepfill.evaluation.methods import Method
from ppdeepfill.evaluation.metrics import measure
from ppdeepfill.evaluation.metrics.learned import LearnedMetrics

TRUTH = "truth"  # the column of the images themselves


@dataclass
class ImageResult:
    """The results of all methods on one image.

    Attributes:
        index: its number in the source.
        name: its name in the source.
        hole_area: the hole's share of the image, in 0..1.
        digest: SHA-256 of the pixels of image and mask.
        scores: by method, then by metric.
        features: features for FID, float32 [2048], by method and for `TRUTH`; empty without FID.
        pictures: uint8 RGB by caption, in display order; empty for most images.
    """

    index: int
    name: str
    hole_area: float
    digest: bytes
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    features: dict[str, ndarray] = field(default_factory=dict)
    pictures: dict[str, ndarray] = field(default_factory=dict)


def score_methods(
    methods: Sequence[Method],
    images: EvaluationSet,
    indices: Sequence[int],
    *,
    learned: LearnedMetrics,
    pictured: Collection[int] = (),
    batch_size: int = 1,
    workers: int = 0,
) -> tuple[list[ImageResult], Skipped]:
    """Score the methods on the images with the given numbers.

    Args:
        methods: the methods to compare, with distinct names.
        images: by number.
        indices: numbers of the images to use.
        learned: the metrics that need weights.
        pictured: numbers of the images to keep pictures of.
        batch_size: images that a network fills at a time.
        workers: threads that read images ahead; 0 reads between batches.

    Returns:
        The results in the order of the images, and the images that could not be used.

    Raises:
        DataError: no image can be used, or a mask does not fit its image; raised in all processes.
    """
    at_a_time = batch_size * parallel.world_size()
    samples = _read_ahead(images, indices[parallel.rank() :: parallel.world_size()], workers)
    results: list[ImageResult] = []
    skipped = Skipped(images.source.spec)
    with tqdm(total=len(indices), unit="image", leave=False, disable=_hide_progress()) as progress:
        for _ in range(0, len(indices), at_a_time):
            outcomes = _score_batch(methods, list(islice(samples, batch_size)), learned, pictured)
            # Gather after every batch: gloo gives up on a process that is 30 s late.
            _collect(parallel.gathered(outcomes), results, skipped)
            progress.update(at_a_time)
    if not results:
        name, reason = next(iter(skipped.items()))
        raise DataError(
            f"none of the {len(indices)} images of {skipped.spec} can be used, for example "
            f"{name!r}: {reason}"
        )
    return sorted(results, key=lambda result: result.index), skipped


def _read_ahead(
    images: EvaluationSet, indices: Sequence[int], workers: int
) -> Iterator[EvaluationSample | UserError]:
    """Yield samples in order, and errors in their place, since all processes must get them."""

    def read(index: int) -> EvaluationSample | UserError:
        try:
            return images[index]
        except UserError as error:
            return error

    if not workers:
        yield from map(read, indices)
        return
    remaining = iter(indices)
    with ThreadPoolExecutor(workers) as pool:
        ahead = deque(pool.submit(read, index) for index in islice(remaining, 2 * workers))
        while ahead:
            yield ahead.popleft().result()
            ahead.extend(pool.submit(read, index) for index in islice(remaining, 1))


def _collect(
    outcomes: Sequence[ImageResult | UserError], results: list[ImageResult], skipped: Skipped
) -> None:
    """Append results, note unreadable images, and raise other errors."""
    for outcome in outcomes:
        if isinstance(outcome, ImageResult):
            results.append(outcome)
        elif isinstance(outcome, UnreadableImage):
            skipped.note(outcome.name, outcome.reason)
        else:
            raise outcome


def _score_batch(
    methods: Sequence[Method],
    samples: Sequence[EvaluationSample | UserError],
    learned: LearnedMetrics,
    pictured: Collection[int],
) -> list[ImageResult | UserError]:
    batch = [sample for sample in samples if isinstance(sample, EvaluationSample)]
    errors = [error for error in samples if isinstance(error, UserError)]
    if not batch:
        return errors
    results = [ImageResult(s.number, s.name, float(s.mask.mean()), _digest(s)) for s in batch]
    _add_truth(results, batch, learned, pictured)
    for method in methods:
        for result, sample, filled in zip(results, batch, method.fill(batch), strict=True):
            scores = measure(filled, sample.image, sample.mask)
            result.scores[method.name] = scores | learned.measure(filled, sample.image)
            result.features |= learned.features(method.name, filled)
            if sample.number in pictured:
                result.pictures |= _pictures(method, sample, filled)
    return [*results, *errors]


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
            result.pictures = {"input": np.where(hole, WHITE, sample.image), TRUTH: sample.image}


def _pictures(method: Method, sample: EvaluationSample, filled: ndarray) -> dict[str, ndarray]:
    pictures = {method.name: filled}
    if method.draw_offsets:
        offsets = method.draw_offsets(sample.covered, to_levels(sample.mask))
        if offsets is not None:
            pictures[f"{method.name}: offsets"] = offsets
    return pictures


def _digest(sample: EvaluationSample) -> bytes:
    return hashlib.sha256(sample.image.tobytes() + sample.mask.tobytes()).digest()


def _hide_progress() -> bool | None:
    """Return whether to hide the progress bar; with None, tqdm hides it only in a pipe."""
    return True if parallel.rank() else None
