# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The steps of the alignment with the PyTorch port, which ran in float64."""

import zlib
from collections.abc import Iterator

import numpy as np
from numpy import ndarray

from ppdeepfill.alignment import recipes, stored
from ppdeepfill.alignment.outputs import (
    decided,
    iteration_record,
    loss_record,
    metric_record,
    norm_records,
    output_record,
)
from ppdeepfill.alignment.record import Comparison
from ppdeepfill.alignment.references import (
    Batch,
    fix_mix,
    make_batch,
    port_network,
    port_objective,
    precision,
    predict,
)
from ppdeepfill.alignment.updates import LEARNING_RATE, PortUpdates, gradient_norms
from ppdeepfill.data import open_source
from ppdeepfill.data.pixels import to_unit_range
from ppdeepfill.errors import AlignmentError
from ppdeepfill.weights.converters.deepfill_v1 import critics_names, generator_names

# The port rounds its spatial discount to float32, which moves losses and gradients by 1e-8.
THRESHOLD = 1e-6

PHOTOGRAPHS = (("bundled:train", "astronaut.png"), ("bundled:validation", "coffee.png"))
SIZE = 256  # side of their central crops; the hole in the middle has half of it
GAIN = 1.0  # gain of the network's filters for photographs
SEED = 7000  # seed of the training images
IMAGES = (2, 3, 64, 64)
BOTH = ("generator", "critic")


def comparisons() -> Iterator[Comparison]:
    """Yield one comparison per step, each computed when requested."""
    yield forward()
    yield metric()
    with precision("float64"):
        yield from losses_and_gradients()
        yield training()


def forward() -> Comparison:
    """Compare both stages and the attention's offsets on photographs, in float32."""
    arrays = stored.load("torch_photographs")
    photos, mask = photographs(arrays["crc32"])
    prediction = predict(port_network(GAIN), _to_network(photos), mask)
    theirs = {name: arrays[name] for name in ("coarse", "refined")}
    theirs["offsets"] = decided(arrays["offsets"], arrays["margin"])
    return Comparison("forward", output_record(prediction, arrays["margin"], 3), theirs, THRESHOLD)


def metric() -> Comparison:
    """Compare scores of the completed 8-bit photographs; in float64, for the same rounding."""
    arrays = stored.load("torch_photographs")
    photos, mask = photographs(arrays["crc32"])
    with precision("float64"):
        refined = predict(port_network(GAIN), _to_network(photos), mask).refined
    ours = metric_record(refined, photos, mask[:, 0])
    return Comparison("metric", ours, {name: arrays[name] for name in ours}, THRESHOLD)


def losses_and_gradients() -> Iterator[Comparison]:
    """Compare three updates of both networks on one batch: first losses and gradients, then all."""
    arrays, trajectory = stored.load("torch_backward"), stored.load("torch_trajectory")
    updates = PortUpdates(port_objective(64, 32))
    batch = _batch(trajectory, 0, updates)
    history = [updates.step(batch, *BOTH)]
    norms = gradient_norms(updates.objective.network, generator_names())
    norms |= gradient_norms(updates.objective.critics, critics_names())
    theirs = {name: arrays[f"loss/{name}"][0] for name in history[0]}
    yield Comparison("loss", loss_record(history[0]), loss_record(theirs), THRESHOLD)

    history += [updates.step(batch, *BOTH) for _ in range(2)]
    yield _backward(history, norms, arrays)


def training() -> Comparison:
    """Compare a run with the port's schedule: a generator update at every fifth critic update."""
    trajectory = stored.load("torch_trajectory")
    theirs = {n.removeprefix("loss/"): v for n, v in trajectory.items() if n.startswith("loss/")}
    updates = PortUpdates(port_objective(64, 32))
    history = train(updates, trajectory, len(theirs["d"]))
    ours = {name: np.array([t[name] for t in history if name in t]) for name in theirs}
    theirs = {name: values[np.isfinite(values)] for name, values in theirs.items()}
    return Comparison("training", ours, theirs, THRESHOLD)


def train(
    updates: PortUpdates, trajectory: dict[str, ndarray], iterations: int
) -> list[dict[str, float]]:
    """Return the terms of the first iterations of the stored trajectory, counted as in the port."""
    history = []
    for number in range(iterations):
        phases = BOTH if (number + 1) % 5 == 0 else ("critic",)
        history.append(updates.step(_batch(trajectory, number, updates), *phases))
    return history


def photographs(checksums: ndarray) -> tuple[ndarray, ndarray]:
    """Return centres of bundled photographs, uint8 [B, 256, 256, 3], and masks [B, 1, 256, 256].

    Args:
        checksums: CRC-32 of the crops that the reference used.

    Raises:
        AlignmentError: the installed photographs are different.
    """
    photos = np.stack([_centre_of_photo(*name) for name in PHOTOGRAPHS])
    if [zlib.crc32(photo.tobytes()) for photo in photos] != checksums.tolist():
        raise AlignmentError(
            f"the photographs {PHOTOGRAPHS} in this version of scikit-image differ from those that "
            "the reference used, which are in version 0.26; install that version"
        )
    quarter = SIZE // 4
    edges = (quarter, SIZE - quarter, quarter, SIZE - quarter)
    return photos, recipes.rectangles((SIZE, SIZE), [edges] * len(photos))


def _centre_of_photo(spec: str, name: str) -> ndarray:
    source = open_source(spec)
    names = [source.name(index) for index in range(len(source))]
    photo = source.read(names.index(name))
    top, left = ((side - SIZE) // 2 for side in photo.shape[:2])
    return np.ascontiguousarray(photo[top : top + SIZE, left : left + SIZE])


def _to_network(photos: ndarray) -> ndarray:
    """uint8 [B, H, W, 3] -> float32 [B, 3, H, W] in [-1, 1]."""
    return to_unit_range(photos.transpose(0, 3, 1, 2))


def _batch(trajectory: dict[str, ndarray], number: int, updates: PortUpdates) -> Batch:
    """Return the batch of one iteration, and make the objective use its interpolation weights."""
    local, whole = 1.0 - trajectory["alpha"][number]
    fix_mix(updates.objective, whole, local)
    mask = recipes.rectangles(IMAGES[2:], trajectory["mask_rects_tblr"][number])
    image = recipes.blocks(SEED + number + 1, IMAGES)
    return make_batch(image, mask, trajectory["bbox_tlhw"][number])


def _backward(
    history: list[dict[str, float]], norms: dict[str, float], arrays: dict[str, ndarray]
) -> Comparison:
    ours, theirs = norm_records(norms, arrays)
    ours |= iteration_record([[terms["g"], terms["d"]] for terms in history], LEARNING_RATE)
    their_losses = np.stack([arrays["loss/g"], arrays["loss/d"]], axis=1)
    theirs |= iteration_record(their_losses.tolist(), arrays["learning_rate"])
    return Comparison("backward", ours, theirs, THRESHOLD)
