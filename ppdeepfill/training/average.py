# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The running mean of a network's weights, which is smoother than the weights themselves."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import paddle
from numpy import ndarray
from paddle import Tensor, nn

EARLY = 50  # the mean reaches back over n / EARLY of the first n updates


class WeightAverage:
    """Exponential moving average of the weights of a network.

        mean = d * mean + (1 - d) * weight,   d = min(decay, n / (n + EARLY)) at update n,

    so that an early mean has forgotten the random weights of the start. What is not trained, such
    as the statistics of a batch normalisation, is copied.

    Args:
        network: whose weights, those that accept gradients now; they are left alone.
        decay: in (0, 1); None keeps no mean, and every method leaves the weights as they are.

    Attributes:
        updates: how many so far.
    """

    def __init__(self, network: nn.Layer, decay: float | None):
        self.network = network
        self.decay = decay
        self.updates = 0
        self._means: dict[str, Tensor] = {}
        self._trained = {n for n, p in network.named_parameters() if not p.stop_gradient}

    @paddle.no_grad()
    def update(self) -> None:
        """Take the present weights into the mean."""
        if self.decay is None:
            return
        self.updates += 1
        decay = min(self.decay, self.updates / (self.updates + EARLY))
        for name, weight in self.network.state_dict().items():
            mean = self._means.get(name)
            if mean is None:
                self._means[name] = weight.detach().clone()
            elif name in self._trained:
                paddle.assign(decay * mean + (1.0 - decay) * weight, output=mean)
            else:
                paddle.assign(weight, output=mean)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """While entered, the network computes with the mean; with its weights before any update."""
        weights = self.network.state_dict()
        before = {name: weights[name].detach().clone() for name in self._means}
        self._fill(self._means)
        try:
            yield
        finally:
            self._fill(before)

    def restore(self, means: Mapping[str, ndarray], updates: int) -> None:
        """Go on from means of `updates` updates."""
        self.updates = updates if self.decay is not None else 0
        self._means = {n: paddle.to_tensor(m) for n, m in means.items()} if self.updates else {}

    @paddle.no_grad()
    def _fill(self, values: Mapping[str, Tensor]) -> None:
        weights = self.network.state_dict()
        for name, value in values.items():
            paddle.assign(value, output=weights[name])
