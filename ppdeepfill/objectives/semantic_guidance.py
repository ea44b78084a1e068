# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""How the network guided by label maps is trained: L1 of both stages, classes, a patch critic.

Letters: B batch, H W image, K classes, h w a quarter of the size.

Source: our own design; Yu et al. (2022) published neither losses nor training. The critic is the
one in their code.
"""

from typing import Literal

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from ppdeepfill.data.batch import Batch
from ppdeepfill.networks import Prediction, complete
from ppdeepfill.networks.patch_critic import Norm, PatchCritic
from ppdeepfill.networks.semantic_guidance import UNKNOWN, SemanticGuidance
from ppdeepfill.objectives import reconstruction
from ppdeepfill.objectives.gan_losses import GAN_LOSSES
from ppdeepfill.objectives.one_critic import OneCritic

LABEL_STREAM = 0x6C6162  # keeps these draws independent of the data's random numbers


class SemanticGuidanceObjective(OneCritic):
    """The objective of `SemanticGuidance`; builds and owns the critic.

    Args:
        network: a `SemanticGuidance`.
        image_size: unused.
        local_size: unused; the critic sees whole images.
        seed: determines, with the sample numbers, which samples are trained without their labels.
        hole_l1_weight: weight of the L1 distance inside the hole, for both stages.
        known_l1_weight: weight of the L1 distance outside the hole, for both stages.
        class_weight: weight of the cross entropy of the predicted classes.
        unguided: share of the samples whose decoder gets the predicted classes instead of the
            labels, like images that are later filled without labels.
        adversarial_weight: weight of the adversarial term; 0 trains without critic.
        gan_loss: loss of critic and network, see `GAN_LOSSES`.
        critic_channels: width of the critic's first convolution (authors: 64).
        critic_layers: number of convolutions with stride 2 in the critic (authors: 4).
        critic_norm: normalisation in the critic (authors: "instance").
    """

    def __init__(
        self,
        network: nn.Layer,
        *,
        image_size: tuple[int, int],
        local_size: tuple[int, int],
        seed: int,
        hole_l1_weight: float = 1.2,
        known_l1_weight: float = 0.6,
        class_weight: float = 0.1,
        unguided: float = 0.5,
        adversarial_weight: float = 0.0,
        gan_loss: Literal["hinge", "least_squares", "vanilla"] = "hinge",
        critic_channels: int = 64,
        critic_layers: int = 4,
        critic_norm: Norm = "instance",
    ):
        if not isinstance(network, SemanticGuidance):
            raise ValueError(
                "the objective semantic_guidance trains the network semantic_guidance only"
            )
        if min(hole_l1_weight, known_l1_weight, class_weight, adversarial_weight) < 0.0:
            raise ValueError("no weight may be negative")
        if not 0.0 <= unguided <= 1.0:
            raise ValueError(f"unguided must be a share of the samples, 0 to 1; got {unguided}")
        self.network = network
        self.seed = seed
        self.hole_l1_weight = hole_l1_weight
        self.known_l1_weight = known_l1_weight
        self.class_weight = class_weight
        self.unguided = unguided
        self.adversarial_weight = adversarial_weight
        self.gan = GAN_LOSSES[gan_loss]
        self.critic = None
        if adversarial_weight:
            self.critic = PatchCritic(critic_channels, layers=critic_layers, norm=critic_norm)

    def critic_loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the critic's loss, without gradients of the network."""
        with paddle.no_grad():
            prediction, _ = self._predict(batch)
            fake = complete(prediction.refined, batch.image, batch.mask)
        return self.gan.critic(self.critic(batch.image), self.critic(fake)), {}

    # L = a hole_l1 + b known_l1 + c classes + d adversarial, with the weights a, b, c, d
    def generator_loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return L1 of both stages, cross entropy of the classes, and the adversarial term."""
        prediction, logits = self._predict(batch)
        stages = (prediction.coarse, prediction.refined)
        hole, known = reconstruction.hole_l1, reconstruction.known_l1_per_known_pixel
        terms = {
            "hole_l1": sum(hole(stage, batch, batch.mask) for stage in stages),
            "known_l1": sum(known(stage, batch) for stage in stages),
            "classes": class_loss(logits, batch.required_labels()),
        }
        loss = (
            self.hole_l1_weight * terms["hole_l1"]
            + self.known_l1_weight * terms["known_l1"]
            + self.class_weight * terms["classes"]
        )
        if self.critic is not None:
            completed = complete(prediction.refined, batch.image, batch.mask)
            terms["adversarial"] = self.gan.generator(self.critic(completed))
            loss = loss + self.adversarial_weight * terms["adversarial"]
        return loss, terms

    def _predict(self, batch: Batch) -> tuple[Prediction, Tensor]:
        """Prediction and logits of classes [B, K, h, w]; some samples are drawn to lack labels."""
        drawn = [
            np.random.default_rng([self.seed, LABEL_STREAM, number]).random()
            for number in batch.sample_numbers.tolist()
        ]
        guided = paddle.to_tensor(np.array(drawn) >= self.unguided).reshape([-1, 1, 1])
        labels = batch.required_labels()
        labels = paddle.where(guided, labels, paddle.full_like(labels, UNKNOWN))
        return self.network.with_classes(batch.image * (1.0 - batch.mask), batch.mask, labels)


# L = - mean over pixels with a class k of log softmax(logits)[k]
def class_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross entropy; 0 if no pixel has a class.

    Args:
        logits: [B, K, h, w].
        labels: [B, 4h, 4w] int64; only every fourth pixel counts.
    """
    labels = labels[:, 2::4, 2::4].flatten()
    known = (labels != UNKNOWN).astype(logits.dtype)
    logits = logits.transpose([0, 2, 3, 1]).reshape([-1, logits.shape[1]])
    errors = F.cross_entropy(logits, labels, ignore_index=UNKNOWN, reduction="none")
    return (errors * known).sum() / known.sum().clip(min=1.0)
