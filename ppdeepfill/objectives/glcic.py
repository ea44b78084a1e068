# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""How GLCIC is trained: the network alone, then its critic alone, then both.

Letters: B batch, H W image, h w local region. Masks are 1 in the hole.

Source: Iizuka et al., Globally and Locally Consistent Image Completion (SIGGRAPH 2017), section 3
and algorithm 1; `GLCIC-PyTorch`, called "the port" here. The authors published no training code.
"""

from typing import Literal

import numpy as np
import paddle
from numpy import ndarray
from paddle import Tensor, nn

from ppdeepfill.data.batch import Batch
from ppdeepfill.networks import complete
from ppdeepfill.networks.glcic import Order
from ppdeepfill.networks.glcic_critic import JointCritic
from ppdeepfill.objectives.contract import Objective, Phase
from ppdeepfill.objectives.gan_losses import non_saturating, saturating, vanilla_critic
from ppdeepfill.objectives.reconstruction import crop

REGION_STREAM = 0x77696E  # keeps the regions of real images independent of the data's randomness


class Glcic(Objective):
    """The objective of GLCIC; builds and owns the critic.

    Args:
        network: (masked_image, mask) -> `Prediction`.
        image_size: (H, W) of the training images.
        local_size: (h, w) of the region that the local branch of the critic sees.
        seed: determines, with the sample numbers of a batch, the local region of a real image.
        completion_iterations: length of the first stage: the network alone with the squared error.
        critic_iterations: length of the second stage: the critic alone. The third lasts to the end.
        adversarial_weight: alpha, weight of the adversarial term.
        formulas: with D the probability of being real, for "paper" the network minimises
            mse + alpha log(1 - D) and the critic -log D - log(1 - D); for "port" the network
            minimises (mse - alpha log D) / 2 and the critic half of the paper's loss.
        critic_sees: the network's raw output, "refined" (paper, port), or the "completed" image.
        critic_channels: width of the critic's first convolutions (paper: 64).
        local_layers: convolutions of the critic's local branch (paper: 5).
        global_layers: convolutions of its global branch (paper: 6; port for 160 px: 5).
        order: order of normalisation and ReLU in the critic, see `NormalisedConv`.
    """

    def __init__(
        self,
        network: nn.Layer,
        *,
        image_size: tuple[int, int],
        local_size: tuple[int, int],
        seed: int,
        completion_iterations: int = 90_000,
        critic_iterations: int = 10_000,
        adversarial_weight: float = 4e-4,
        formulas: Literal["paper", "port"] = "paper",
        critic_sees: Literal["refined", "completed"] = "refined",
        critic_channels: int = 64,
        local_layers: int = 5,
        global_layers: int = 6,
        order: Order = "norm_relu",
    ):
        if min(completion_iterations, critic_iterations, adversarial_weight) < 0:
            raise ValueError(
                "completion_iterations, critic_iterations and adversarial_weight must not be "
                "negative"
            )
        if min(critic_channels, local_layers, global_layers) < 1:
            raise ValueError("critic_channels, local_layers and global_layers must be at least 1")
        self.network = network
        self.image_size = image_size
        self.local_size = local_size
        self.seed = seed
        self.completion_iterations = completion_iterations
        self.critic_iterations = critic_iterations
        self.adversarial_weight = adversarial_weight
        self.formulas = formulas
        self.critic_sees = critic_sees
        self.critic = JointCritic(
            image_size,
            local_size,
            critic_channels,
            local_layers=local_layers,
            global_layers=global_layers,
            order=order,
        )

    @property
    def extra_modules(self) -> dict[str, nn.Layer]:
        """The critic, which is saved with the network so that training can continue."""
        return {"critic": self.critic}

    def phases(self) -> list[Phase]:
        """Return the three stages; network and critic keep their optimizers throughout."""
        network, critic = self.network, self.critic
        alone = self.completion_iterations
        both = alone + self.critic_iterations
        first = Phase("completion", network, self.completion_loss, optimizer="generator")
        second = Phase("critic_alone", critic, self.critic_loss, optimizer="critic")
        return [
            first._replace(stop=alone),
            second._replace(start=alone, stop=both),
            Phase("critic", critic, self.weighted_critic_loss, start=both),
            Phase("generator", network, self.generator_loss, fresh_batch=False, start=both),
        ]

    def completion_loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the squared error in the hole."""
        error = self._hole_mse(self._predict(batch), batch)
        return error, {"hole_mse": error}

    # L = -log D(real) - log(1 - D(fake)), and half of it for "port"
    def critic_loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the cross entropy of the critic, without gradients of the network."""
        with paddle.no_grad():
            fake = self._critic_input(self._predict(batch), batch)
        # Two calls, so that batch statistics do not mix real and generated images.
        fake_score = self.critic(fake, crop(fake, batch.bboxes))
        real_score = self.critic(batch.image, crop(batch.image, self.draw_regions(batch)))
        loss = vanilla_critic(real_score, fake_score)
        loss = loss if self.formulas == "port" else 2.0 * loss
        scores = {"real_score": real_score.mean(), "fake_score": fake_score.mean()}
        return loss, {"cross_entropy": loss, **scores}

    def weighted_critic_loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return alpha times `critic_loss`, for the third stage."""
        loss, terms = self.critic_loss(batch)
        return self.adversarial_weight * loss, terms

    # L = mse + alpha log(1 - D(fake)), or (mse - alpha log D(fake)) / 2 for "port"
    def generator_loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the squared error in the hole plus the adversarial term."""
        refined = self._predict(batch)
        fake = self._critic_input(refined, batch)
        score = self.critic(fake, crop(fake, batch.bboxes))
        adversarial = non_saturating(score) if self.formulas == "port" else saturating(score)
        error = self._hole_mse(refined, batch)
        loss = error + self.adversarial_weight * adversarial
        terms = {"hole_mse": error, "adversarial": adversarial}
        return 0.5 * loss if self.formulas == "port" else loss, terms

    def draw_regions(self, batch: Batch) -> ndarray:
        """Draw the local regions of real images, [B, 4] int like `Batch.bboxes`.

        They depend only on the seed and the sample numbers, not on the holes.
        """
        height, width = self.local_size
        places = np.subtract(self.image_size, self.local_size) + 1
        corners = [
            np.random.default_rng([self.seed, REGION_STREAM, number]).integers(places)
            for number in batch.sample_numbers.tolist()
        ]
        return np.array([[top, left, height, width] for top, left in corners])

    def _predict(self, batch: Batch) -> Tensor:
        return self.network(batch.image * (1.0 - batch.mask), batch.mask).refined

    def _critic_input(self, refined: Tensor, batch: Batch) -> Tensor:
        """The image that the critic sees, for a prediction [B, 3, H, W]."""
        if self.critic_sees == "completed":
            return complete(refined, batch.image, batch.mask)
        return refined

    # mse = mean over B 3 H W of (m (refined - image) / 2)^2
    def _hole_mse(self, refined: Tensor, batch: Batch) -> Tensor:
        """Squared error in the hole on the scale of [0, 1], averaged over the whole image."""
        error = ((refined - batch.image) * batch.mask * 0.5).square()
        return error.mean(axis=3).mean(axis=2).mean()
