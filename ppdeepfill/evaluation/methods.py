# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The methods that a test compares, with one interface: networks from files, and baselines.

Letters: B batch, H W image.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from ppdeepfill.data.pixels import to_levels
from ppdeepfill.drawing.offsets import color_offsets
from ppdeepfill.errors import UserError
from ppdeepfill.evaluation.images import EvaluationSample
from ppdeepfill.inference.baselines import BASELINES
from ppdeepfill.inference.inpainter import Inpainter
from ppdeepfill.networks import offsets_of
from ppdeepfill.weights.finding import filled_network, find_generator
from ppdeepfill.weights.foreign_models import is_exported
from ppdeepfill.weights.generator_file import read_generator, sha256_of


class Method(NamedTuple):
    """Something that fills holes.

    Attributes:
        name: column heading: a baseline's name, or the path of the weights as given.
        description: one line on what determines its results.
        sha256: hash of the weight file; None without one.
        fill_batch: (images uint8 [B, H, W, 3] RGB, masks uint8 [B, H, W], 255 = hole) -> completed
            images uint8 [B, H, W, 3]; labels uint8 [B, H, W] may follow the masks if the method
            has `classes`.
        draw_offsets: (image, mask) -> picture uint8 [h, w, 3] of where the attention looks; None
            for methods without attention.
        classes: number of classes of its label maps; None if it takes none.
    """

    name: str
    description: str
    sha256: str | None
    fill_batch: Callable[..., ndarray]
    draw_offsets: Callable[[ndarray, ndarray], ndarray] | None = None
    classes: int | None = None

    def fill(self, samples: Sequence[EvaluationSample]) -> ndarray:
        """Fill the holes of samples, guided by their labels where possible: uint8 [B, H, W, 3]."""
        inputs = [np.stack([s.covered for s in samples])]  # no method ever sees the truth
        inputs.append(to_levels(np.stack([s.mask for s in samples])))
        labels = [s.labels for s in samples if s.labels is not None]
        if self.classes is not None and labels:
            inputs.append(np.stack(labels))
        return self.fill_batch(*inputs)


def open_methods(paths: Sequence[Path], names: Sequence[str]) -> list[Method]:
    """Open networks by path, then methods without a network by name.

    Args:
        paths: each a generator file, a checkpoint folder or an output_dir, see `load_generator`, or
            a folder written by `ppdeepfill export`.
        names: keys of `BASELINES`.

    Raises:
        UserError: a name is unknown, or a method is given twice.
        CheckpointError: there is no network at a path.
    """
    given = [*map(str, paths), *names]
    twice = [name for name in given if given.count(name) > 1]
    if twice:
        raise UserError(f"method {twice[0]} is given twice; list each method once")
    unknown = [name for name in names if name not in BASELINES]
    if unknown:
        raise UserError(
            f"unknown method {unknown[0]!r}; the methods without a network are "
            f"{', '.join(BASELINES)}; use --model_path for a network"
        )
    return [*map(_open_network, paths), *map(_open_baseline, names)]


def _open_network(path: Path) -> Method:
    if is_exported(path):
        return _open_exported(path)
    file = find_generator(path)
    generator = read_generator(file)
    inpainter = Inpainter(filled_network(generator, source=str(file)))
    return Method(
        name=str(path),
        description=_summary(generator._asdict()),
        sha256=sha256_of(file),
        fill_batch=inpainter.fill_batch,
        draw_offsets=lambda image, mask: _draw_offsets(inpainter, image, mask),
        classes=inpainter.classes,
    )


def _open_exported(folder: Path) -> Method:
    from ppdeepfill.deployment.exported import ExportedInpainter  # brings Paddle Inference

    inpainter = ExportedInpainter(folder)
    description = inpainter.description
    summary, sha256 = f"exported {_summary(description)}", description["generator_sha256"]
    return Method(str(folder), summary, sha256, inpainter.fill_batch)


def _summary(generator: Mapping[str, Any]) -> str:
    """Say which network it is, and how long it was trained."""
    options = ", ".join(f"{key}={value}" for key, value in generator["options"].items())
    return f"{generator['network']} ({options}), iteration {generator['iteration']}"


def _open_baseline(name: str) -> Method:
    fill = BASELINES[name]

    def fill_batch(images: ndarray, masks: ndarray) -> ndarray:
        return np.stack([fill(image, mask) for image, mask in zip(images, masks, strict=True)])

    summary = (fill.__doc__ or "").split("\n")[0].rstrip(".")
    return Method(name, summary, None, fill_batch)


def _draw_offsets(inpainter: Inpainter, image: ndarray, mask: ndarray) -> ndarray | None:
    offsets = offsets_of(inpainter.predict(image[None], mask[None]))
    return None if offsets is None else color_offsets(offsets[0].numpy())
