# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Fill a hole with patches of the known region, without a network.

Letters: H W image, P side of a patch, N patches that touch the hole. A position is (row, column) of
the centre of a patch.

Source: Wexler et al., Space-Time Completion of Video (2007), for filling from coarse to fine by
votes of similar patches; Barnes et al., PatchMatch (2009), for finding these patches. The paper
propagates matches in scan order; here, to suit NumPy, all positions take over their neighbours'
matches at once, from several distances.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy import ndarray
from numpy.lib.stride_tricks import sliding_window_view
from numpy.random import Generator

from ppdeepfill.data.depth import depth_inside

PATCH = 7  # side of a patch in px
RADIUS = PATCH // 2
COARSEST = 32  # px: no level of the pyramid has a shorter side
ROUNDS = (24, 12, 6)  # searches with a vote each: coarsest level, next level, all finer levels
CONFIDENCE = 1.3  # a vote's weight is divided by it for each px of depth; Wexler et al., 3.2
SWEEPS = 2  # propagations per search, each followed by a random search
JUMPS = (4, 2, 1)  # distances in px to the neighbours that propagate


class Level(NamedTuple):
    """One resolution: the image float32 [H, W, 3] in 0..255 and the hole bool [H, W]."""

    image: ndarray
    hole: ndarray


def fill_with_patches(image: ndarray, hole: ndarray, *, seed: int = 0) -> ndarray | None:
    """Fill a hole.

    Args:
        image: uint8 [H, W, 3]; its content inside the hole does not matter.
        hole: bool [H, W], at least one pixel.
        seed: seed of the random search.

    Returns:
        float32 [H, W, 3] in 0..255, or None if no whole patch is known.
    """
    levels = _pyramid(Level(image * (~hole[..., None]).astype(np.float32), hole))
    if not _sources(levels[0].hole).any():
        return None
    rng = np.random.default_rng(seed)
    filled, matches = None, None
    for number, level in enumerate(reversed(levels)):
        rounds = ROUNDS[min(number, len(ROUNDS) - 1)]
        filled, matches = _fill_level(level, filled, matches, rng, rounds=rounds)
    return filled


def _pyramid(finest: Level) -> list[Level]:
    """Halve the image while a hole and a whole known patch remain; finest level first."""
    levels = [finest]
    while min(levels[-1].hole.shape) // 2 >= COARSEST:
        coarser = _halved(levels[-1])
        if not coarser.hole.any() or not _sources(coarser.hole).any():
            break
        levels.append(coarser)
    return levels


def _halved(level: Level) -> Level:
    """Average the known pixels only; a pixel is known if at least half of its area was."""
    size = tuple(side // 2 for side in reversed(level.hole.shape))
    known = (~level.hole).astype(np.float32)
    weight = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
    image = cv2.resize(level.image * known[..., None], size, interpolation=cv2.INTER_AREA)
    return Level(image / np.maximum(weight, 1e-6)[..., None], weight < 0.5)


def _sources(hole: ndarray) -> ndarray:
    """Bool [H, W]: the patch around this pixel is inside the image and completely known."""
    padded = np.pad(hole, RADIUS, constant_values=True)
    return ~cv2.dilate(padded.astype(np.uint8), np.ones([PATCH, PATCH])).astype(bool)[
        RADIUS:-RADIUS, RADIUS:-RADIUS
    ]


def _fill_level(
    level: Level,
    coarser: ndarray | None,
    matches: ndarray | None,
    rng: Generator,
    *,
    rounds: int,
) -> tuple[ndarray, ndarray]:
    """Filled image [H, W, 3] and matches [H, W, 2], starting from those of the coarser level."""
    hole, sources = level.hole, _sources(level.hole)
    targets = np.argwhere(cv2.dilate(hole.astype(np.uint8), np.ones([PATCH, PATCH])))  # [N, 2]
    if coarser is None:
        start = _smooth(level)
    else:
        start = cv2.resize(coarser, hole.shape[::-1], interpolation=cv2.INTER_LINEAR)
    filled = np.where(hole[..., None], start, level.image).astype(np.float32)
    matches = _first_matches(matches, targets, sources, rng)
    confidence = CONFIDENCE ** -depth_inside(hole)[targets[:, 0], targets[:, 1]]
    for _ in range(rounds):
        distances = _search(filled, targets, matches, sources, rng)
        weights = confidence * _similarity(distances)
        filled = _vote(filled, hole, targets, matches, weights)
    return filled, matches


def _smooth(level: Level) -> ndarray:
    """A first guess: carry the colours at the hole's border inward."""
    image, hole = np.rint(level.image).astype(np.uint8), level.hole.astype(np.uint8)
    return cv2.inpaint(image, hole, RADIUS, cv2.INPAINT_TELEA)


def _first_matches(
    coarser: ndarray | None, targets: ndarray, sources: ndarray, rng: Generator
) -> ndarray:
    """[H, W, 2]: from the coarser level or else random; outside the targets, the pixel itself."""
    matches = np.indices(sources.shape).transpose(1, 2, 0)
    rows, columns = targets.T
    if coarser is not None:
        halves = np.minimum(targets // 2, np.array(coarser.shape[:2]) - 1)
        matches[rows, columns] = 2 * coarser[halves[:, 0], halves[:, 1]] + targets % 2
    wrong = targets[~_are_sources(matches[rows, columns], sources)]
    known = np.argwhere(sources)
    matches[wrong[:, 0], wrong[:, 1]] = known[rng.integers(len(known), size=len(wrong))]
    return matches


def _are_sources(positions: ndarray, sources: ndarray) -> ndarray:
    """Bool [N]: the position is inside the image, and a source."""
    size = np.array(sources.shape)
    inside = ((positions >= 0) & (positions < size)).all(axis=1)
    rows, columns = np.clip(positions, 0, size - 1).T
    return inside & sources[rows, columns]


def _search(
    filled: ndarray, targets: ndarray, matches: ndarray, sources: ndarray, rng: Generator
) -> ndarray:
    """Improve `matches` in place; return the squared distances [N] of the patches."""
    patches = sliding_window_view(_padded(filled), (PATCH, PATCH), axis=(0, 1))  # [H, W, 3, P, P]
    wanted = patches[targets[:, 0], targets[:, 1]]  # [N, 3, P, P]
    limit = np.array(sources.shape) - 1

    def distance(numbers: ndarray, positions: ndarray) -> ndarray:
        difference = wanted[numbers] - patches[positions[:, 0], positions[:, 1]]
        return np.einsum("nchw,nchw->n", difference, difference)

    distances = distance(np.arange(len(targets)), matches[targets[:, 0], targets[:, 1]])

    def keep_better(candidates: ndarray) -> None:
        numbers = np.flatnonzero(_are_sources(candidates, sources))
        found = distance(numbers, candidates[numbers])
        better = found < distances[numbers]
        distances[numbers[better]] = found[better]
        rows, columns = targets[numbers[better]].T
        matches[rows, columns] = candidates[numbers[better]]

    for _ in range(SWEEPS):
        for jump in JUMPS:
            for shift in np.array([(jump, 0), (-jump, 0), (0, jump), (0, -jump)]):
                rows, columns = np.clip(targets + shift, 0, limit).T
                keep_better(matches[rows, columns] - shift)
        reach = int(limit.max())
        while reach:
            around = matches[targets[:, 0], targets[:, 1]]
            keep_better(around + rng.integers(-reach, reach + 1, size=targets.shape))
            reach //= 2
    return distances


def _similarity(distances: ndarray) -> ndarray:
    """[N] in 0..1; its scale is the 75th percentile of the distances, as in Wexler et al."""
    scale = max(float(np.percentile(distances, 75)), 1.0)
    return np.exp(-distances / (2 * scale))


def _vote(
    filled: ndarray, hole: ndarray, targets: ndarray, matches: ndarray, weights: ndarray
) -> ndarray:
    """Set each pixel of the hole to the weighted mean of the patches that cover it."""
    weights = weights.astype(np.float32)[:, None]
    found = matches[targets[:, 0], targets[:, 1]]
    source = _padded(filled)
    votes = np.zeros([*source.shape[:2], 4], np.float32)  # colour times weight, weight
    for shift in np.ndindex(PATCH, PATCH):  # positions in the padded image are RADIUS larger
        rows, columns = (targets + shift).T
        from_rows, from_columns = (found + shift).T
        votes[rows, columns, :3] += weights * source[from_rows, from_columns]
        votes[rows, columns, 3:] += weights
    votes = votes[RADIUS:-RADIUS, RADIUS:-RADIUS]
    mean = votes[..., :3] / np.maximum(votes[..., 3:], np.finfo(np.float32).tiny)
    return np.where(hole[..., None], mean, filled)


def _padded(filled: ndarray) -> ndarray:
    return np.pad(filled, [(RADIUS, RADIUS), (RADIUS, RADIUS), (0, 0)], mode="edge")
