# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Knowledge-consistent attention: features attend to themselves, and remember where they looked.

Letters: B batch, C channels, h w feature map, L = h w its positions.

Source: Li et al., Recurrent Feature Reasoning for Image Inpainting (CVPR 2020), section 3.3;
`Attention.py` of `RFR-Inpainting`, the authors' code.
"""

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

SHIFT = 1e-7  # keeps features of length 0 and a ratio of 0 apart from a division by 0


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
    """Replace each feature by the ones like it.

    Only the feature that is looked for is brought to length 1, so this is no cosine; and those of
    the hole may be found as well. Both as in the authors' code.

    Args:
        features: [B, C, h, w].
        ratio: [1], how much new scores count against earlier ones; its sign does not matter.
        before: scores [B, L, L] of an earlier call, and where features were known then
            [B, 1, h, w]: only there they count.
        propagation_size: odd side of the neighbourhood whose similarities are added up.

    Returns:
        [B, C, h, w], of features of length 1, and the scores [B, L, L]: in each row, how much a
        position takes from every position.
    """
    keys = features.flatten(2) + SHIFT  # [B, C, L]
    keys = keys / keys.square().sum(axis=1, keepdim=True).sqrt()
    around = features  # similarities add up as features do
    if propagation_size > 1:
        size, side = propagation_size, propagation_size // 2
        around = size**2 * F.avg_pool2d(features, size, stride=1, padding=side, exclusive=False)
    similarities = paddle.matmul(around.flatten(2), keys, transpose_x=True)  # [B, L, L]
    scores = F.softmax(similarities, axis=2)
    if before is not None:
        earlier, known = before
        known, weight = known.flatten(2).transpose([0, 2, 1]), ratio.abs() + SHIFT
        scores = (earlier * known + scores * weight) / (known + weight)
    attended = paddle.matmul(keys, scores, transpose_y=True)
    return attended.reshape(paddle.shape(features)), scores


class KnowledgeConsistentAttention(nn.Layer):
    """The attention, and a 1 x 1 convolution of what it found beside the features.

    Args:
        channels: C of the features.
        propagation_size: see `attend_consistently`.
    """

    def __init__(self, channels: int, *, propagation_size: int = 3):
        super().__init__()
        one = nn.initializer.Constant(1.0)
        self.ratio = self.create_parameter([1], default_initializer=one)
        self.combine = nn.Conv2D(2 * channels, channels, 1)
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
        return self.combine(paddle.concat([attended, features], axis=1)), scores
