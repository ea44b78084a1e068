# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The steps of the alignment with the authors' TensorFlow code, which ran in float32.

That code was run on synthetic images only, not on photographs.
"""

from collections.abc import Iterator, Mapping

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
    authors_batch,
    authors_network,
    authors_objective,
    authors_photo,
    fix_mix,
    precision,
    predict,
)
from ppdeepfill.alignment.updates import (
    LEARNING_RATE,
    AuthorsUpdates,
    gradient_norms,
)
from ppdeepfill.objectives import WganGp
from ppdeepfill.weights.converters.deepfill_v1 import critics_names, generator_names

OUTPUT = 1e-6
LOSS = 5e-6  # 1e-6 of the largest loss, 4.9, which float32 resolves to 5e-7
# Because of the leaky ReLU's kinks under the penalty, the reference itself is off in float32: its
# gradient norms by 4e-4, up to 5e-3, and its losses by 1e-3 of the largest a few updates later.
BACKWARD = 1e-2
TRAINING = 5e-2  # losses are up to 38

IMAGES = (3001, (2, 256, 256, 3))  # seed and shape of the batch
PHASES = ("critic", "generator")  # by step_kind, 0 and 1


def comparisons() -> Iterator[Comparison]:
    """Yield one comparison per step, each computed when requested."""
    yield forward()
    yield metric()
    yield from learning()


def forward() -> Comparison:
    """Compare both stages of the generator and the offsets of its attention, in float32."""
    arrays, image, mask = _photo()
    prediction = predict(authors_network(), image, mask)
    theirs = {name: recipes.rgb_nchw(arrays[name]) for name in ("coarse", "refined")}
    theirs["offsets"] = decided(arrays["offsets"].transpose(0, 3, 1, 2), arrays["margin"])
    return Comparison("forward", output_record(prediction, arrays["margin"], 2), theirs, OUTPUT)


def metric() -> Comparison:
    """Compare scores of the completed 8-bit image; in float64, so that rounding is the same."""
    arrays, image, mask = _photo()
    with precision("float64"):
        refined = predict(authors_network(), image, mask).refined
    height, width = mask.shape[2:]
    photo = arrays["image"][:, :height, :width, ::-1]
    ours = metric_record(refined, photo, mask[:, 0])
    theirs = {name: value.reshape(1) for name, value in stored.load("tensorflow_metric").items()}
    return Comparison("metric", ours, theirs, OUTPUT)


def learning() -> Iterator[Comparison]:
    """Compare losses and gradients, then five critic and one generator update on one batch."""
    arrays = stored.load("tensorflow_training")
    objective, batch = _objective_and_batch(arrays)
    updates = AuthorsUpdates(objective)
    generator = updates.backward(batch, "generator")
    norms = gradient_norms(objective.network, generator_names())
    history = [updates.step(batch, "critic")]
    norms |= gradient_norms(objective.critics, critics_names())
    yield _loss(generator | history[0], arrays)

    history.append(updates.step(batch, "critic"))
    yield _backward(history, norms, arrays)

    kinds = arrays["step_kind"].tolist()
    history += [updates.step(batch, PHASES[kind]) for kind in kinds[2:-1]]
    history.append(updates.losses(batch, "generator"))
    yield _training(history, arrays)


def _loss(terms: dict[str, float], arrays: Mapping[str, ndarray]) -> Comparison:
    theirs = {name: arrays[name] for name in terms}
    return Comparison("loss", loss_record(terms), loss_record(theirs), LOSS)


def _backward(
    history: list[dict[str, float]], norms: dict[str, float], arrays: Mapping[str, ndarray]
) -> Comparison:
    ours, theirs = norm_records(norms, arrays)
    ours |= iteration_record([terms["d_loss"] for terms in history], LEARNING_RATE)
    column = arrays["loss_names"].tolist().index("d_loss")
    their_losses = arrays["losses"][: len(history), column]
    theirs |= iteration_record(their_losses.tolist(), arrays["learning_rate"])
    return Comparison("backward", ours, theirs, BACKWARD)


def _training(history: list[dict[str, float]], arrays: Mapping[str, ndarray]) -> Comparison:
    ours, theirs = {}, {}
    rows = dict(zip(arrays["loss_names"].tolist(), arrays["losses"].T, strict=True))
    for name, values in rows.items():
        updates = [number for number, terms in enumerate(history) if name in terms]
        ours[name] = np.array([history[number][name] for number in updates])
        theirs[name] = values[updates].astype(np.float64)
    return Comparison("training", ours, theirs, TRAINING)


def _photo() -> tuple[dict[str, ndarray], ndarray, ndarray]:
    arrays = stored.load("tensorflow_generator")
    return arrays, *authors_photo(arrays["image"], arrays["mask"][0, :, :, 0])


def _objective_and_batch(arrays: Mapping[str, ndarray]) -> tuple[WganGp, Batch]:
    objective = authors_objective()
    fix_mix(objective, arrays["alpha_global"], arrays["alpha_local"])
    return objective, authors_batch(recipes.smooth_images(*IMAGES), arrays)
