# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What objectives with one optional critic share: its phase comes first, on the same batch."""

from abc import abstractmethod

from paddle import Tensor, nn

from ppdeepfill.data.batch import Batch
from ppdeepfill.objectives.contract import Objective, Phase


class OneCritic(Objective):
    """A base for objectives with the attributes `network` and `critic`, which may be None."""

    network: nn.Layer
    critic: nn.Layer | None

    @property
    def extra_modules(self) -> dict[str, nn.Layer]:
        """The critic, which is saved with the network so that training can continue."""
        return {} if self.critic is None else {"critic": self.critic}

    def phases(self) -> list[Phase]:
        """Return the critic's update, then the network's on the same batch."""
        generator = Phase("generator", self.network, self.generator_loss)
        if self.critic is None:
            return [generator]
        critic = Phase("critic", self.critic, self.critic_loss)
        return [critic, generator._replace(fresh_batch=False)]

    @abstractmethod
    def critic_loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the critic's loss and its named terms."""

    @abstractmethod
    def generator_loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the network's loss and its named terms."""
