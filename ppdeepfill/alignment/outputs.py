# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Build records of outputs, scores, losses and gradients.

Letters: B batch, H W image, h w attention map, L background patches.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy import ndarray
from paddle import Tensor

from ppdeepfill.alignment.record import Record
from ppdeepfill.evaluation.metrics.pixels import l1, psnr
from ppdeepfill.inference.inpainter import to_uint8
from ppdeepfill.networks import Prediction, offsets_of

DECIDED = 1e-3  # lead in ln(weight) of the best patch over the second that float32 cannot reverse


def output_record(prediction: Prediction, margin: ndarray, step: int) -> Record:
    """Record both stages and the offsets of the attention.

    Args:
        prediction: prediction for a batch.
        margin: [B, h, w] ln(weight) of the reference's best patch minus that of its second-best;
            offsets are recorded only where it is above `DECIDED`.
        step: record every `step`-th row and column of the images.
    """
    offsets = offsets_of(prediction).numpy()
    return {
        "coarse": prediction.coarse.numpy()[:, :, ::step, ::step],
        "refined": prediction.refined.numpy()[:, :, ::step, ::step],
        "offsets": decided(offsets, margin),
    }


def decided(offsets: ndarray, margin: ndarray) -> ndarray:
    """Select offsets [B, 2, h, w] -> int64 [N, 2] where the best patch is clearly the best."""
    return offsets.transpose(0, 2, 3, 1)[margin > DECIDED].astype(np.int64)


def metric_record(refined: Tensor, images: ndarray, masks: ndarray) -> Record:
    """Record the scores of the completed images, one per image.

    Args:
        refined: [B, 3, H, W] in [-1, 1].
        images: uint8 [B, H, W, 3] RGB.
        masks: [B, H, W], 1 = hole.
    """
    completed = np.where(masks[..., None] > 0, to_uint8(refined), images)
    triples = list(zip(completed, images, masks, strict=True))
    return {
        "hole_l1": np.array([l1(ours, image, mask > 0) for ours, image, mask in triples]),
        "psnr": np.array([psnr(ours, image) for ours, image, _ in triples]),
    }


def loss_record(terms: Mapping[str, float]) -> Record:
    """Record scalars as float64 arrays."""
    return {name: np.array(float(value)) for name, value in terms.items()}


def iteration_record(losses: Iterable[float | list[float]], learning_rate: float) -> Record:
    """Record several updates as in the contest's tutorial: `loss_0`, `lr_0`, `loss_1`, ..."""
    record = {}
    for number, loss in enumerate(losses):
        record[f"loss_{number}"] = np.array(loss, np.float64)
        record[f"lr_{number}"] = np.array(learning_rate, np.float64)
    return record


def norm_records(
    norms: Mapping[str, float], arrays: Mapping[str, ndarray]
) -> tuple[Record, Record]:
    """Record gradient norms, ours and the reference's, both divided by the reference's.

    Args:
        norms: our norms by name, the generator's first.
        arrays: the reference's `generator_gradient_norms` and `critics_gradient_norms`.
    """
    kinds = ("generator", "critics")
    theirs = np.concatenate([arrays[f"{kind}_gradient_norms"] for kind in kinds])
    unit = np.where(theirs > 1e-6, theirs, 1.0)  # some are 0 except for rounding
    names = [f"gradient_norm/{name}" for name in norms]
    ours = np.array(list(norms.values()))
    return tuple(
        dict(zip(names, map(np.array, (values / unit).tolist()), strict=True))
        for values in (ours, theirs)
    )
