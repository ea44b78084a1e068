# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Knowledge-consistent attention: features attend to themselves, and remember where they looked.

Letters: B batch, C channels, h w feature map, L = h w number of positions.

Source: Li et al., Recurrent Feature Reasoning for Image Inpainting (CVPR 2020), section 3.3;
`Attention.py` of `RFR-Inpainting`, the authors' code.
"""

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from ppdeepfill.networks import kernels

EPSILON = 1e-7  # added to each number of a feature, whose length may be 0, and to the ratio


# s = softmax over positions q of: sum over p' around p of <f(p'), k(q)>, k(q) = f(q) / |f(q)|
# scores = (known scores_before + a s) / (known + a), a = |ratio|
# y(p) = sum over q of scores(p, q) k(q)
def attend_consistently(
    features: Tensor,
    ratio: Tensor,
    before: tuple[Tensor, Tensor] | None = None,
    *,
    propagation_size: int = 3,
) -> tuple[Tensor, Tensor]:
    """Replace each feature by a mixture of similar ones.

    As in the authors' code, only one of the two compared features is normalised to length 1, so
    this is not a cosine, and features inside the hole can be matches too.

    Args:
        features: [B, C, h, w].
        ratio: [1], weight of new scores relative to earlier ones; its sign does not matter.
        before: scores [B, L, L] of an earlier call, and the positions that were known then
            [B, 1, h, w]; scores of other positions are ignored.
        propagation_size: odd side of the neighbourhood whose similarities are added up.

    Returns:
        [B, C, h, w], mixed from features of length 1, and the scores [B, L, L]: each row says how
        much a position takes from every other.
    """
    keys = features.flatten(2) + EPSILON  # [B, C, L]
    keys = keys / keys.square().sum(axis=1, keepdim=True).sqrt()
    around = features  # adding up features adds up similarities
    if propagation_size > 1:
        size, side = propagation_size, propagation_size // 2
        around = size**2 * F.avg_pool2d(features, size, stride=1, padding=side, exclusive=False)
    similarities = kernels.product(around.flatten(2), keys, transpose_x=True)  # [B, L, L]
    scores = F.softmax(similarities, axis=2)
    if before is not None:
        earlier, known = before
        known, weight = known.flatten(2).transpose([0, 2, 1]), ratio.abs() + EPSILON
        scores = (earlier * known + scores * weight) / (known + weight)
    attended = kernels.product(keys, scores, transpose_y=True)
    return attended.reshape(paddle.shape(features)), scores


class KnowledgeConsistentAttention(nn.Layer):
    """The attention, and a 1 x 1 convolution that combines its result with the features.

    Args:
        channels: C of the features.
        propagation_size: see `attend_consistently`.
    """

    def __init__(self, channels: int, *, propagation_size: int = 3):
        super().__init__()
        one = nn.initializer.Constant(1.0)
        self.ratio = self.create_parameter([1], default_initializer=one)
        self.combine = nn.Conv2D(2 * channels, channels, 1, padding=[0] * 4)
        self.propagation_size = propagation_size

    def forward(
        self, features: Tensor, scores_before: Tensor | None, known_before: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Attend, with the scores of an earlier call if there was one.

        Args:
            features: [B, C, h, w].
            scores_before: [B, L, L] that the earlier call returned; None in the first call.
            known_before: [B, 1, h, w], 1 = known at that call; None in the first call.

        Returns:
            [B, C, h, w], and the scores [B, L, L] for the next call.
        """
        before = None if scores_before is None else (scores_before, known_before)
        attended, scores = attend_consistently(
            features, self.ratio, before, propagation_size=self.propagation_size
        )
        both = paddle.concat([attended, features], axis=1)  # [B, 2C, h, w]
        return kernels.convolve(both, self.combine), scores
