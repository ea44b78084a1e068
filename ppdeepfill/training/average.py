# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A running mean of a network's weights, which is less noisy than the weights themselves."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import paddle
from numpy import ndarray
from paddle import Tensor, nn

EARLY = 50  # early in training, the mean covers about the last n / EARLY of n updates


class WeightAverage:
    """Exponential moving average of the weights of a network.

        mean = d * mean + (1 - d) * weight,   d = min(decay, n / (n + EARLY)) at update n,

    so an early mean quickly forgets the random initial weights. Values that are not trained, such
    as batch-norm statistics, are copied.

    Args:
        network: its weights that are trainable now are averaged; the network itself is not changed.
        decay: in (0, 1); None keeps no mean, and no method changes the weights.

    Attributes:
        updates: number of updates so far.
    """

    def __init__(self, network: nn.Layer, decay: float | None):
        self.network = network
        self.decay = decay
        self.updates = 0
        self._means: dict[str, Tensor] = {}
        self._trained = {n for n, p in network.named_parameters() if not p.stop_gradient}

    @paddle.no_grad()
    def update(self) -> None:
        """Update the mean with the current weights."""
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
        """Let the network use the mean inside the context; before any update, its own weights."""
        weights = self.network.state_dict()
        before = {name: weights[name].detach().clone() for name in self._means}
        self._set_weights(self._means)
        try:
            yield
        finally:
            self._set_weights(before)

    def restore(self, means: Mapping[str, ndarray], updates: int) -> None:
        """Continue from means over `updates` updates."""
        self.updates = updates if self.decay is not None else 0
        self._means = {n: paddle.to_tensor(m) for n, m in means.items()} if self.updates else {}

    @paddle.no_grad()
    def _set_weights(self, values: Mapping[str, Tensor]) -> None:
        weights = self.network.state_dict()
        for name, value in values.items():
            paddle.assign(value, output=weights[name])
