# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The objective of DeepFill v1: Wasserstein critics with gradient penalty, and discounted L1.

Letters: B batch, H W image, h w local region. Masks are 1 in the hole.

Source: Yu et al. (CVPR 2018), section 3; `build_graph_with_losses` of the authors' code (branch
v1.0.0), called "authors" below; `trainer.py` and `train.py` of the PyTorch port, called "port".
"""

from typing import Literal

import numpy as np
import paddle
from paddle import Tensor, nn

from ppdeepfill.data.batch import Batch
from ppdeepfill.networks import Prediction, complete, predict_in_hole
from ppdeepfill.networks.critics import Critics
from ppdeepfill.objectives import reconstruction
from ppdeepfill.objectives.contract import Objective, Phase
from ppdeepfill.objectives.gan_losses import GAN_LOSSES
from ppdeepfill.objectives.gradient_penalty import Mix, draw_mix, gradient_penalty
from ppdeepfill.objectives.vgg_terms import VggTerms, to_scale


class WganGp(Objective):
    """The objective of DeepFill v1; builds and owns the critics.

    Args:
        network: (masked_image, mask) -> `Prediction`.
        image_size: (H, W) of the training images.
        local_size: (h, w) of the region that the local critic sees.
        seed: determines, with the sample numbers of a batch, its interpolation weights.
        critic_steps: critic updates per generator update (paper, authors: 5).
        share_last_batch: the generator and the last of these updates use the same batch, and its
            completed images are computed once (port). The generator then goes first, with the
            critics as they are before their last update. False: every update has its own batch
            (authors).
        gan_loss: loss of critics and generator, see `GAN_LOSSES` (paper: "wasserstein").
        adversarial_weight: weight of the critics' scores (authors, port: 0.001); 0 trains without
            critics, with the other terms only.
        global_critic_weight: weight of the whole image's score, relative to the local one.
        gradient_penalty_weight: weight of the penalty in the critics' loss (paper: 10); 0 = none.
        hole_l1_weight: weight of the L1 term inside the hole (authors, port: 1.2).
        known_l1_weight: weight of the L1 term outside the hole (authors, port: 1.2).
        total_variation_weight: weight of the completed image's total variation (paper: 0).
        perceptual_weight: weight of the distance of the completed image's VGG-16 features from the
            true image's (paper: 0).
        style_weight: weight of the distance of their Gram matrices (paper: 0).
        vgg_weights: file with the weights of VGG-16, or "random"; these two terms need it, see
            `VggTerms`.
        coarse_weight: weight of the first stage inside both L1 terms (authors, port: 1.2).
        discount: gamma of the spatial discount (paper: 0.99; authors, port: 0.9); 1 = none.
        discount_distance: "nearest_known" is the distance to the nearest known pixel, averaging
            over the hole (paper); "box_edge" the distance to the edge of the local region,
            averaging over that region (authors, port).
        hole_l1_on: "raw" output of the network (authors) or the "completed" image (port); these
            differ if the local region is larger than the hole.
        known_l1: mean "per_known_pixel" (authors) or "per_pixel" of the whole image (port).
        penalty_region: gradient norm over the "hole" (paper, authors) or the "image" (port).
        critics: padding, widths and initialisation as "deepfill_v1" (authors) or
            "deepfill_v1_torch" (port).
        critic_channels: width of the critics' first convolution.
        coarse_only: train only the first stage, with the L1 terms (authors' option
            PRETRAIN_COARSE_NETWORK).
    """

    def __init__(
        self,
        network: nn.Layer,
        *,
        image_size: tuple[int, int],
        local_size: tuple[int, int],
        seed: int,
        critic_steps: int = 5,
        share_last_batch: bool = False,
        gan_loss: Literal["wasserstein", "hinge", "least_squares", "vanilla"] = "wasserstein",
        adversarial_weight: float = 1e-3,
        global_critic_weight: float = 1.0,
        gradient_penalty_weight: float = 10.0,
        hole_l1_weight: float = 1.2,
        known_l1_weight: float = 1.2,
        total_variation_weight: float = 0.0,
        perceptual_weight: float = 0.0,
        style_weight: float = 0.0,
        vgg_weights: str | None = None,
        coarse_weight: float = 1.2,
        discount: float = 0.99,
        discount_distance: Literal["nearest_known", "box_edge"] = "nearest_known",
        hole_l1_on: Literal["raw", "completed"] = "raw",
        known_l1: Literal["per_known_pixel", "per_pixel"] = "per_known_pixel",
        penalty_region: Literal["hole", "image"] = "hole",
        critics: Literal["deepfill_v1", "deepfill_v1_torch"] = "deepfill_v1",
        critic_channels: int = 64,
        coarse_only: bool = False,
    ):
        if not 0.0 < discount <= 1.0:
            raise ValueError(f"discount must be above 0 and at most 1; got {discount}")
        if critic_steps < 1 or critic_channels < 1:
            raise ValueError("critic_steps and critic_channels must be at least 1")
        weights = (adversarial_weight, global_critic_weight, gradient_penalty_weight)
        weights += (hole_l1_weight, known_l1_weight, total_variation_weight, coarse_weight)
        weights += (perceptual_weight, style_weight)
        if min(weights) < 0.0:
            raise ValueError(f"no weight may be negative; got {min(weights)}")
        self.network = network
        self.seed = seed
        self.critic_steps = critic_steps
        self.share_last_batch = share_last_batch
        self.gan_loss = gan_loss
        self.adversarial_weight = adversarial_weight
        self.global_critic_weight = global_critic_weight
        self.gradient_penalty_weight = gradient_penalty_weight
        self.hole_l1_weight = hole_l1_weight
        self.known_l1_weight = known_l1_weight
        self.total_variation_weight = total_variation_weight
        self.coarse_weight = coarse_weight
        self.penalty_region = penalty_region
        self.coarse_only = coarse_only
        self.adversarial = adversarial_weight != 0.0 and not coarse_only
        self._hole_l1 = reconstruction.HoleL1(
            local_size, gamma=discount, distance=discount_distance, on=hole_l1_on
        )
        self._known_l1 = {
            "per_known_pixel": reconstruction.known_l1_per_known_pixel,
            "per_pixel": reconstruction.known_l1_per_pixel,
        }[known_l1]
        # Batches and the generator's latest results on them, by the batch's identity.
        self._completed: dict[int, tuple[Batch, Tensor]] = {}
        self.critics = None
        if self.adversarial:
            reference = {"deepfill_v1": "tensorflow", "deepfill_v1_torch": "torch"}[critics]
            self.critics = Critics(image_size, local_size, critic_channels, reference=reference)
        self.vgg_weights = {"perceptual": perceptual_weight, "style": style_weight}
        # After all that is trained, whose random weights it would change.
        self.vgg = VggTerms(vgg_weights, needed=any(self.vgg_weights.values()))

    @property
    def extra_modules(self) -> dict[str, nn.Layer]:
        """The critics, which are saved with the network so that training can continue."""
        return {"critics": self.critics} if self.adversarial else {}

    def phases(self) -> list[Phase]:
        """Return the updates of one iteration, in order."""
        generator = Phase("generator", self.network, self.generator_loss)
        if not self.adversarial:
            return [generator]
        critic = Phase("critic", self.critics, self.critic_loss, repeats=self.critic_steps)
        if not self.share_last_batch:
            return [critic, generator]
        first, last = (
            critic._replace(repeats=critic.repeats - 1),
            critic._replace(repeats=1, fresh_batch=False),
        )
        return [first, generator, last] if first.repeats else [generator, last]

    # L = sum over both critics of: gan_loss(real, fake) + lambda penalty
    def critic_loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of both critics and its terms, without generator gradients."""
        completed = self._completed_without_graph(batch)
        mix = self.draw_mix(batch.sample_numbers)
        views = [
            (self.critics.whole, batch.image, completed, batch.mask, mix.whole),
            (
                self.critics.local,
                *(reconstruction.crop(x, batch.bboxes) for x in (batch.image, completed)),
                reconstruction.crop(batch.mask, batch.bboxes),
                mix.local,
            ),
        ]
        loss = sum(self._separation(critic, real, fake) for critic, real, fake, *_ in views)
        terms = {self.gan_loss: loss}
        if self.gradient_penalty_weight:
            terms["gradient_penalty"] = sum(self._penalty(*view) for view in views)
            loss = loss + self.gradient_penalty_weight * terms["gradient_penalty"]
        return loss, terms

    # L = a hole_l1 + b known_l1 + c TV + d adversarial, with the weights a, b, c, d
    def generator_loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the L1 terms of both stages, plus the terms of the completed image."""
        prediction = self.network(batch.image * (1.0 - batch.mask), batch.mask)
        terms = {
            "hole_l1": self._over_stages(self._hole_l1.of(batch), prediction, batch),
            "known_l1": self._over_stages(self._known_l1, prediction, batch),
        }
        loss = self.hole_l1_weight * terms["hole_l1"] + self.known_l1_weight * terms["known_l1"]
        completed = complete(prediction.refined, batch.image, batch.mask)
        if self.total_variation_weight:
            terms["total_variation"] = reconstruction.total_variation(completed)
            loss = loss + self.total_variation_weight * terms["total_variation"]
        if any(self.vgg_weights.values()):
            image, truth = (to_scale(x, "imagenet") for x in (completed, batch.image))
            for name, distance in self.vgg.distances([image], truth).items():
                terms[name] = distance
                loss = loss + self.vgg_weights[name] * distance
        if self.adversarial:
            if self.share_last_batch:
                self._completed[id(batch)] = batch, completed.detach()
            judge = GAN_LOSSES[self.gan_loss].generator
            whole = judge(self.critics.whole(completed))
            local = judge(self.critics.local(reconstruction.crop(completed, batch.bboxes)))
            terms["adversarial"] = self.global_critic_weight * whole + local
            loss = loss + self.adversarial_weight * terms["adversarial"]
        return loss, terms

    def draw_mix(self, sample_numbers: np.ndarray) -> Mix:
        """Draw the interpolation weights, which depend only on the seed and the sample numbers."""
        return draw_mix(self.seed, sample_numbers)

    def _separation(self, critic: nn.Layer, real: Tensor, fake: Tensor) -> Tensor:
        """The loss of a critic on real and generated images [B, 3, h, w]."""
        return GAN_LOSSES[self.gan_loss].critic(*critic(paddle.concat([real, fake])).chunk(2))

    def _penalty(
        self, critic: nn.Layer, real: Tensor, fake: Tensor, mask: Tensor, weights: Tensor
    ) -> Tensor:
        """The gradient penalty of a critic."""
        region = mask if self.penalty_region == "hole" else paddle.ones_like(mask)
        with paddle.amp.auto_cast(enable=False):  # a slope and its derivative need float32
            return gradient_penalty(critic, real, fake, weights, region)

    def _completed_without_graph(self, batch: Batch) -> Tensor:
        """Return the completed images [B, 3, H, W] for the critics, without a graph."""
        if id(batch) in self._completed:
            return self._completed.pop(id(batch))[1]
        self._completed.clear()  # the generator may change before these batches are used again
        with paddle.no_grad():
            masked_image = batch.image * (1.0 - batch.mask)
            prediction = predict_in_hole(self.network, masked_image, batch.mask)
            return complete(prediction.refined, batch.image, batch.mask)

    def _over_stages(
        self, term: reconstruction.Term, prediction: Prediction, batch: Batch
    ) -> Tensor:
        """Return term(refined, batch), plus coarse_weight * term(coarse, batch) with two stages."""
        if self.coarse_only:
            return self.coarse_weight * term(prediction.coarse, batch)
        if prediction.coarse is None:
            return term(prediction.refined, batch)
        return term(prediction.refined, batch) + self.coarse_weight * term(prediction.coarse, batch)
