# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Rows of `benchmarks.inference`, `.attention` and `.training` in PyTorch: DeepFill v1.

The network runs as it is, whatever our row runs it with: PyTorch's eager mode is the port's only
form. The trainings' batch is there already (our rows also draw and load theirs). 1080p is left out,
since the attention would hold several copies of 4 GB of scores.
"""

import functools

import torch

from benchmarks import attention, inference, training
from benchmarks.inference import picture
from benchmarks.row import Call, Row
from benchmarks.torch_deepfill_v1 import Critics, Generator, complete, contextual_attention
from benchmarks.torch_wgan_gp import Batch, critic_loss, generator_loss

RUNTIMES = ("dygraph", "exported", "onnx")
SIZES = {name: size for name, size in inference.SIZES.items() if name != "1080p"}


def rows() -> list[Row]:
    """Rows named as ours."""
    pictures = [
        Row(f"{runtime}/{name}", functools.partial(_fill, size))
        for runtime in RUNTIMES
        for name, size in SIZES.items()
    ]
    attentions = [
        Row(f"attention/{what}/{name}", functools.partial(prepare, size))
        for what, prepare in (("forward", _attend), ("forward_backward", _attend_and_back))
        for name, size in attention.SIZES.items()
    ]
    batch = training.BATCH
    updates = [
        Row("training/critic_update", lambda: Updates().critic, items=batch),
        Row("training/generator_update", lambda: Updates().generator, items=batch),
        Row("training/iteration", lambda: Updates().iteration, items=batch * training.CRITIC_STEPS),
    ]
    return pictures + attentions + updates


def _fill(size: tuple[int, int]) -> Call:
    """Fill one picture, from uint8 to uint8."""
    network = Generator().eval()
    image, mask = picture(size)
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None]
    hole = torch.from_numpy(mask)[None, None]

    @torch.no_grad()
    def call():
        x, m = pixels / 127.5 - 1, (hole > 0).float()
        refined = network(x * (1 - m), m)[1]
        filled = ((refined + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        return torch.where(hole > 0, filled, pixels)

    return call


def _features(size: tuple[int, int]):
    """Features [1, C, H / 4, W / 4], as after a ReLU, and a mask with a quarter as hole."""
    h, w = size[0] // 4, size[1] // 4
    mask = torch.zeros(1, 1, h, w)
    mask[:, :, h // 4 : 3 * h // 4, w // 4 : 3 * w // 4] = 1.0
    return torch.randn(1, attention.CHANNELS, h, w).relu(), mask


def _attend(size: tuple[int, int]) -> Call:
    features, mask = _features(size)
    return torch.no_grad()(lambda: contextual_attention(features, features, mask))


def _attend_and_back(size: tuple[int, int]) -> Call:
    features, mask = _features(size)
    features.requires_grad_()

    def call() -> None:
        contextual_attention(features, features, mask).sum().backward()
        features.grad = None

    return call


class Updates:
    """Network, critics, optimizers and a batch, and the updates of the port's training.

    As in the port, an update of the critics keeps the graph of the completed images, which it does
    not need, and a shared batch has all its losses before the first of them goes back. But the
    generator's goes back before the critics change, since PyTorch refuses the port's order.
    """

    def __init__(self):
        size, hole, batch = training.SIZE, training.HOLE, training.BATCH
        corner = (size - hole) // 2
        mask = torch.zeros(batch, 1, size, size)
        mask[:, :, corner : corner + hole, corner : corner + hole] = 1.0
        image = 2 * torch.rand(batch, 3, size, size) - 1
        self.batch = Batch(image, mask, [(corner, corner)] * batch, hole)
        self.network, self.critics = Generator(), Critics(size, hole)
        self.optimizer, self.critics_optimizer = (
            torch.optim.Adam(module.parameters(), lr=1e-4, betas=(0.5, 0.9))
            for module in (self.network, self.critics)
        )

    def critic(self) -> None:
        """Update the critics."""
        _, refined = self._predict()
        _step(self.critics_optimizer, self._critic_loss(refined))

    def generator(self) -> None:
        """Update the generator."""
        _step(self.optimizer, generator_loss(self.critics, *self._predict(), self.batch))

    def iteration(self) -> None:
        """Update the critics five times, and the generator with the last batch."""
        for _ in range(training.CRITIC_STEPS - 1):
            self.critic()
        coarse, refined = self._predict()
        critic_loss = self._critic_loss(refined)
        _step(self.optimizer, generator_loss(self.critics, coarse, refined, self.batch))
        _step(self.critics_optimizer, critic_loss)

    def _predict(self) -> tuple[torch.Tensor, torch.Tensor]:
        image, mask, *_ = self.batch
        return self.network(image * (1 - mask), mask)

    def _critic_loss(self, refined: torch.Tensor) -> torch.Tensor:
        image, mask, *_ = self.batch
        completed = complete(refined, image, mask).detach()
        return critic_loss(self.critics, completed, self.batch, torch.rand(2, len(image), 1, 1, 1))


def _step(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
