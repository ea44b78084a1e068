# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Draw the pictures of README.md and of the documents with the network `demo`."""

from pathlib import Path

import cv2
import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy import ndarray

from ppdeepfill import Inpainter
from ppdeepfill.data import open_source
from ppdeepfill.data.pixels import WHITE
from ppdeepfill.drawing.borrowed import draw_borrowed
from ppdeepfill.drawing.grid import comparison_grid
from ppdeepfill.inference.attention_steps import AttentionSteps, attention_steps
from ppdeepfill.inference.strategies import Strategy, fill

JPEG = (cv2.IMWRITE_JPEG_QUALITY, 92)  # for the eye alone
SIDE = 256  # px
# By photograph of bundled:validation: its window (top, left), and the hole in it (top, left,
# height, width). Not chosen by result: a hole on an edge, one in texture, one on an object.
HOLES = {
    "coffee.png": ((0, 40), (150, 40, 48, 48)),
    "flower.jpg": ((80, 180), (100, 60, 56, 56)),
    "rocket.jpg": ((60, 200), (150, 104, 40, 56)),
}
EXPLAINED = "coffee.png"  # whose attention is drawn step by step


def draw_pictures(folder: Path) -> list[Path]:
    """Write demo.jpg and attention_steps.png; the same network gives the same files."""
    inpainter = Inpainter.demo()
    rows = [_row(inpainter, *_example(name)) for name in HOLES]
    demo = folder / "demo.jpg"
    cv2.imwrite(str(demo), comparison_grid(rows)[..., ::-1], JPEG)
    steps = folder / "attention_steps.png"
    _draw_steps(attention_steps(inpainter, *_example(EXPLAINED)), _example(EXPLAINED), steps)
    return [demo, steps]


def _example(name: str) -> tuple[ndarray, ndarray]:
    """A photograph uint8 [256, 256, 3] and its mask uint8 [256, 256], 255 = hole."""
    source = open_source("bundled:validation")
    number = [source.name(index) for index in range(len(source))].index(name)
    (top, left), (y, x, height, width) = HOLES[name]
    image = source.read(number)[top : top + SIDE, left : left + SIDE]
    mask = np.zeros([SIDE, SIDE], np.uint8)
    mask[y : y + height, x : x + width] = 255
    return np.ascontiguousarray(image), mask


def _row(inpainter: Inpainter, image: ndarray, mask: ndarray) -> list[ndarray]:
    """Input, completed, truth, and where the hole was borrowed from."""
    hole = mask > 0
    filling = fill(inpainter, image, hole, Strategy(), with_offsets=True)
    borrowed = draw_borrowed(filling.image, hole, filling.offsets)
    return [np.where(hole[..., None], WHITE, image), filling.image, image, borrowed]


def _draw_steps(steps: AttentionSteps, example: tuple[ndarray, ndarray], picture: Path) -> None:
    """Six panels for the position in the middle of the hole, in the order of the computation."""
    image, mask = example
    height, width = steps.grid
    rows, columns = (axis.mean() / (SIDE // height) for axis in np.nonzero(mask))
    asking = int(rows) * width + int(columns)
    panels = {
        "input, and the position that asks": np.where(mask[..., None] > 0, WHITE, image),
        "1. features (mean of channels)": steps.features[0].mean(axis=0).numpy(),
        "2. similarity to every patch": steps.similarity[0, asking].numpy().reshape(steps.grid),
        "3. after propagation": steps.propagated[0, asking].numpy().reshape(steps.grid),
        "4. weights; grey: may not be pasted": _weights(steps, asking),
        "5. features with pasted patches": steps.pasted[0].mean(axis=0).numpy(),
    }
    figure = Figure(figsize=(10.5, 7.2), layout="constrained")
    for axis, (title, panel) in zip(figure.subplots(2, 3).flat, panels.items(), strict=True):
        axis.imshow(panel, cmap="viridis")
        scale = panel.shape[0] / SIDE
        axis.plot((columns * SIDE / width) * scale, (rows * SIDE / height) * scale, "r+", ms=12)
        axis.set_title(title, fontsize=11)
        axis.axis("off")
    figure.savefig(picture, dpi=80, metadata={"Software": None})


def _weights(steps: AttentionSteps, asking: int) -> ndarray:
    """The weights as colours [h, w, 3], grey where a patch touches the hole."""
    weights = steps.weights[0, asking].numpy().reshape(steps.grid)
    known = steps.known[0, 0].numpy().reshape(steps.grid) > 0
    colors = colormaps["viridis"](weights / weights.max())[..., :3]
    return np.where(known[..., None], colors, 0.6)
