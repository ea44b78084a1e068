# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""How Shift-Net is trained: L1, guidance of the decoder, and a critic of the local region.

Letters: B batch, C channels, h w feature map. Masks are 1 in the hole.

Source: Yan et al., Shift-Net (ECCV 2018), section 3; `Shift-Net_pytorch`, the authors' code.
"""

from typing import Literal

import paddle
from paddle import Tensor, nn

from ppdeepfill.data.batch import Batch
from ppdeepfill.networks import complete
from ppdeepfill.networks.patch_critic import Norm, PatchCritic
from ppdeepfill.networks.shift_net import ShiftNet
from ppdeepfill.objectives.gan_losses import GAN_LOSSES
from ppdeepfill.objectives.one_critic import OneCritic
from ppdeepfill.objectives.reconstruction import crop


class ShiftNetObjective(OneCritic):
    """The objective of Shift-Net; builds and owns the critic.

    Args:
        network: a `ShiftNet`, because the guidance needs its features.
        image_size: (H, W) of the training images.
        local_size: (h, w) of the region that the critic sees.
        seed: unused; there are no random numbers.
        l1_weight: weight of the L1 distance over the whole image (authors: 100).
        guidance_weight: weight of the guidance (authors: 1); 0 = none.
        guidance_region: "hole" pulls the decoder's features in the hole towards those of the true
            image (paper); "image" does so in the whole image, as the authors' code, which treats
            the decoder's features of the known region as 0.
        adversarial_weight: weight of the adversarial term (authors: 0.2); 0 trains without critic.
        gan_loss: loss of critic and network, see `GAN_LOSSES` (authors: "vanilla").
        critic_channels: width of the critic's first convolution.
        critic_layers: number of convolutions with stride 2 in the critic.
        critic_norm: normalisation in the critic, see `PatchCritic` (authors: "spectral").
    """

    def __init__(
        self,
        network: nn.Layer,
        *,
        image_size: tuple[int, int],
        local_size: tuple[int, int],
        seed: int,
        l1_weight: float = 100.0,
        guidance_weight: float = 1.0,
        guidance_region: Literal["hole", "image"] = "hole",
        adversarial_weight: float = 0.2,
        gan_loss: Literal["wasserstein", "hinge", "least_squares", "vanilla"] = "vanilla",
        critic_channels: int = 64,
        critic_layers: int = 3,
        critic_norm: Norm = "spectral",
    ):
        if not isinstance(network, ShiftNet):
            raise ValueError("the objective shift_net trains the network shift_net only")
        if any(side % network.size_multiple for side in image_size):
            raise ValueError(
                f"with {len(network.down)} levels, image sides must be multiples of "
                f"{network.size_multiple}; got {list(image_size)}. Change data.image_size or "
                "network.options.levels"
            )
        if min(l1_weight, guidance_weight, adversarial_weight) < 0.0:
            raise ValueError("no weight may be negative")
        if min(local_size) < 2 ** (critic_layers + 1):
            raise ValueError(
                f"a critic of {critic_layers} layers needs a local region (mask.size) of at least "
                f"{2 ** (critic_layers + 1)} pixels; got {list(local_size)}"
            )
        self.network = network
        self.l1_weight = l1_weight
        self.guidance_weight = guidance_weight
        self.guidance_region = guidance_region
        self.adversarial_weight = adversarial_weight
        self.gan = GAN_LOSSES[gan_loss]
        self.critic = None
        if adversarial_weight:
            self.critic = PatchCritic(critic_channels, layers=critic_layers, norm=critic_norm)

    def critic_loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the critic's loss, without gradients of the network."""
        with paddle.no_grad():
            refined = self.network(batch.image * (1.0 - batch.mask), batch.mask).refined
            fake = crop(complete(refined, batch.image, batch.mask), batch.bboxes)
        return self.gan.critic(self.critic(crop(batch.image, batch.bboxes)), self.critic(fake)), {}

    # L = a mean |refined - image| + b guidance + c adversarial, with the weights a, b, c
    def generator_loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return L1, guidance, and the adversarial term for the completed local region."""
        masked_image = batch.image * (1.0 - batch.mask)
        prediction, features = self.network.with_features(masked_image, batch.mask)
        terms = {"l1": (prediction.refined - batch.image).abs().mean()}
        loss = self.l1_weight * terms["l1"]
        if self.guidance_weight:
            terms["guidance"] = self.guidance(features, batch)
            loss = loss + self.guidance_weight * terms["guidance"]
        if self.critic is not None:
            completed = complete(prediction.refined, batch.image, batch.mask)
            terms["adversarial"] = self.gan.generator(self.critic(crop(completed, batch.bboxes)))
            loss = loss + self.adversarial_weight * terms["adversarial"]
        return loss, terms

    def guidance(self, features: Tensor, batch: Batch) -> Tensor:
        """Return the distance of the decoder's features from the encoder's of the true image.

        Args:
            features: [B, C, h, w] of the decoder, before the shift.
            batch: the true images.
        """
        with paddle.no_grad():
            target = self.network.encoder_features(batch.image, batch.mask)
        step = batch.mask.shape[2] // features.shape[2]
        hole = batch.mask[:, :, ::step, ::step]
        return guidance_loss(features, target, hole, self.guidance_region)


# "hole": mean over B C h w of (m (x - t))^2; "image": of (m x - t)^2, whose gradient is not masked
def guidance_loss(
    features: Tensor, target: Tensor, hole: Tensor, region: Literal["hole", "image"]
) -> Tensor:
    """Return the mean squared distance of features from a target.

    Args:
        features: [B, C, h, w].
        target: [B, C, h, w].
        hole: [B, 1, h, w].
        region: "hole" or "image", see `ShiftNetObjective`.

    Source: equation 5 of the paper, "hole"; `InnerCos` of the authors' code, "image".
    """
    if region == "hole":
        return ((features - target) * hole).square().mean()
    in_value_only = features + (features * hole - features).detach()
    return (in_value_only - target).square().mean()
