# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Rows of `benchmarks.methods` in PyTorch: GLCIC and RFR.

The work is that of our rows: a picture from uint8 to uint8, and an update of the network with the
terms of its configuration (RFR's without VGG-16), on a batch that is there already (our rows also
draw and load theirs).
"""

import functools

import torch
import torch.nn.functional as F

from benchmarks import torch_networks
from benchmarks.methods import BATCH, HOLE, LARGER, SIZE
from benchmarks.row import Call, Row

WIDTH = 64  # of both networks' first layers, as in their papers
MEAN = 0.45  # colour of the hole that GLCIC sees


def rows() -> list[Row]:
    return [
        Row("method/glcic/forward", functools.partial(_forward, "glcic")),
        Row("method/glcic/update", _glcic_update, items=BATCH),
        Row("method/rfr/forward", functools.partial(_forward, "rfr")),
        Row("method/rfr/update", _rfr_update, items=BATCH),
        Row(f"method/rfr/forward_{LARGER}", functools.partial(_forward, "rfr", LARGER)),
    ]


def _network(name: str, width: int = WIDTH):
    """The network, and how it turns an image in [0, 1] and a mask into an image in [0, 1]."""
    if name == "rfr":
        network = torch_networks.Rfr(width)
        return network, lambda image, mask: network(image * (1 - mask), 1 - mask)
    network = torch_networks.Glcic(width)
    return network, lambda image, mask: network(
        torch.cat([image * (1 - mask) + MEAN * mask, mask], 1)
    )


def _samples(batch: int, size: int = SIZE):
    """Images [B, 3, H, W] in [0, 1] and masks with a hole in the middle."""
    mask, edge = torch.zeros(batch, 1, size, size), (size - HOLE) // 2
    mask[:, :, edge : edge + HOLE, edge : edge + HOLE] = 1.0
    return torch.rand(batch, 3, size, size), mask


def _forward(name: str, size: int = SIZE) -> Call:
    network, run = _network(name)
    network.eval()
    image, mask = _samples(1, size)
    pixels = (255 * image).to(torch.uint8)

    @torch.no_grad()
    def call():
        filled = (255 * run(pixels.float() / 255, mask)).round().clamp(0, 255).to(torch.uint8)
        return torch.where(mask > 0, filled, pixels)

    return call


def _glcic_update() -> Call:
    network, run = _network("glcic")
    critic, (image, mask) = (
        torch_networks.GlcicCritic(SIZE, HOLE).requires_grad_(False),
        _samples(BATCH),
    )
    optimizer = torch.optim.Adadelta(network.parameters(), lr=1.0, rho=0.9, eps=1e-6)
    inside = slice((SIZE - HOLE) // 2, (SIZE + HOLE) // 2)

    def call() -> None:
        optimizer.zero_grad()
        refined = run(image, mask)
        score = critic(refined, refined[:, :, inside, inside])
        error = ((refined - image) * mask).square().mean()
        (error - 4e-4 * F.softplus(score).mean()).backward()
        optimizer.step()

    return call


def _rfr_update() -> Call:
    network, run = _network("rfr")
    image, mask = _samples(BATCH)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-4)

    def call() -> None:
        optimizer.zero_grad()
        refined = run(image, mask)
        completed = refined * mask + image * (1 - mask)
        error, in_hole = (refined - image).abs(), completed * mask
        loss = 6 * (error * mask).mean() + (error * (1 - mask)).mean()
        loss = loss + 0.1 * (in_hole.diff(dim=2).abs().mean() + in_hole.diff(dim=3).abs().mean())
        loss.backward()
        optimizer.step()

    return call
