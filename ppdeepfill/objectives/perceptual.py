# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""How RFR and the U-Net of partial convolutions are trained: without a critic, in two stages.

Letters: B batch, H W image. Masks are 1 in the hole.

Source: Liu et al., Image Inpainting for Irregular Holes Using Partial Convolutions (ECCV 2018),
section 3.3; `pytorch-inpainting-with-partial-conv`, called "port" here; Li et al., Recurrent
Feature Reasoning (CVPR 2020), section 3.4; `RFR-Inpainting`, called "RFR" here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from paddle import Tensor, nn

from ppdeepfill.data.batch import Batch
from ppdeepfill.networks import complete
from ppdeepfill.objectives.contract import Objective, Phase
from ppdeepfill.objectives.reconstruction import total_variation
from ppdeepfill.objectives.vgg_terms import Scale, VggTerms, to_scale

TERMS = ("hole_l1", "known_l1", "perceptual", "style", "total_variation")


class Perceptual(Objective):
    """L1, perceptual, style and total variation terms; only the network is trained.

    Args:
        network: (masked_image, mask) -> `Prediction`.
        image_size: unused; any size works.
        local_size: unused; there is no local region.
        seed: unused; there are no random numbers.
        hole_l1_weight: weight of the L1 distance in the hole. Like the next one, it is a mean over
            the whole image with 0 elsewhere.
        known_l1_weight: weight of the L1 distance outside the hole.
        perceptual_weight: weight of the distance of VGG-16 features, for the network's output and
            for the completed image.
        style_weight: weight of the distance of their Gram matrices.
        total_variation_weight: weight of the total variation.
        total_variation_of: the completed "image" (port), or its "hole" with zeros around it, so
            that the hole's edge counts (RFR). In the paper: the hole and one pixel around it.
        scale: colour scale of all terms: "unit" is [0, 1] (RFR); "imagenet" is what VGG-16's
            weights expect (port), about 4.4 times larger.
        vgg_weights: file with the weights of VGG-16, or "random"; see `VggTerms`. Required unless
            both of its terms have weight 0.
        fine_tuning_from: from this iteration on, the statistics of batch normalisation stay fixed
            and a new optimizer, `fine_tuning`, trains everything else, including scale and shift of
            the normalisation; None trains without fine-tuning.
        frozen: fix the statistics of "all" layers (RFR), or of the network's "encoder" (paper,
            port).
    """

    def __init__(
        self,
        network: nn.Layer,
        *,
        image_size: tuple[int, int],
        local_size: tuple[int, int],
        seed: int,
        hole_l1_weight: float = 6.0,
        known_l1_weight: float = 1.0,
        perceptual_weight: float = 0.05,
        style_weight: float = 120.0,
        total_variation_weight: float = 0.1,
        total_variation_of: Literal["hole", "image"] = "hole",
        scale: Scale = "unit",
        vgg_weights: str | None = None,
        fine_tuning_from: int | None = None,
        frozen: Literal["all", "encoder"] = "all",
    ):
        weights = (hole_l1_weight, known_l1_weight, perceptual_weight, style_weight)
        self.weights = dict(zip(TERMS, (*weights, total_variation_weight), strict=True))
        if min(self.weights.values()) < 0.0:
            raise ValueError("no weight may be negative")
        if fine_tuning_from is not None and fine_tuning_from < 0:
            raise ValueError("fine_tuning_from must not be negative")
        if frozen == "encoder" and not hasattr(network, "encoder"):
            raise ValueError("frozen=encoder needs a network with an encoder; use frozen=all")
        self.network = network
        self.total_variation_of = total_variation_of
        self.scale = scale
        self.fine_tuning_from = fine_tuning_from
        self.frozen = network if frozen == "all" else network.encoder
        self.sees_features = perceptual_weight > 0.0 or style_weight > 0.0
        self.vgg = VggTerms(vgg_weights, needed=self.sees_features)

    @property
    def extra_modules(self) -> dict[str, nn.Layer]:
        """None."""
        return {}

    def phases(self) -> list[Phase]:
        """Return training, then fine-tuning with its own optimizer."""
        training = Phase("generator", self.network, self.loss, stop=self.fine_tuning_from)
        if self.fine_tuning_from is None:
            return [training]
        start = self.fine_tuning_from
        return [training, Phase("fine_tuning", self.network, self.fine_tuning_loss, start=start)]

    def fine_tuning_loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the same loss, with the batch statistics gathered so far."""
        with fixed_statistics(self.frozen):
            return self.loss(batch)

    # L = sum over the terms of weight times term
    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted sum of all terms, and the terms whose weight is not 0."""
        prediction = self.network(batch.image * (1.0 - batch.mask), batch.mask)
        predicted = to_scale(prediction.refined, self.scale)
        terms = self.terms(predicted, to_scale(batch.image, self.scale), batch.mask)
        return sum(self.weights[name] * term for name, term in terms.items()), terms

    def terms(self, predicted: Tensor, truth: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Return every term whose weight is not 0.

        Args:
            predicted: [B, 3, H, W] on the objective's scale, like the truth.
            truth: [B, 3, H, W].
            mask: [B, 1, H, W].
        """
        completed, error = complete(predicted, truth, mask), (predicted - truth).abs()
        terms = {"hole_l1": (error * mask).mean(), "known_l1": (error * (1.0 - mask)).mean()}
        if self.weights["total_variation"]:
            whole = self.total_variation_of == "image"
            terms["total_variation"] = total_variation(completed if whole else completed * mask)
        if self.sees_features:
            terms |= self.vgg.distances((predicted, completed), truth)
        return {name: term for name, term in terms.items() if self.weights[name]}


@contextmanager
def fixed_statistics(layer: nn.Layer) -> Iterator[None]:
    """Within this context, batch normalisations use their running statistics unchanged."""
    norms = [x for x in layer.sublayers() if isinstance(x, nn.BatchNorm2D) and x.training]
    for norm in norms:
        norm.eval()
    try:
        yield
    finally:
        for norm in norms:
            norm.train()
