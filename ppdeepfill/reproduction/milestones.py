# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What similar runs reached and when, so that users can see whether their own run is healthy.

Only numbers that were measured here or published elsewhere, each with its source. None comes from
the full recipe, which we have not run yet.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

from ppdeepfill.weights.finding import DEMO_SMALL, SHIPPED

SHOWN_EVERY = 5000  # iterations of demo_small's log to show, besides its first three scores


class Milestone(NamedTuple):
    """Numbers to compare a log with.

    Attributes:
        when: the iteration.
        what: the numbers, and the conditions they were measured under.
        source: who measured them.
    """

    when: str
    what: str
    source: str


BEFORE = (
    Milestone(
        "start",
        "the log begins with the scores of mean fill and Telea on your validation images ('to "
        "beat'); on BSDS500 val at 256 px they reach hole_l1 0.183 and 0.132, psnr 19.5 and 20.9",
        "docs/results.md",
    ),
    Milestone(
        "150",
        "gradient_penalty has fallen from above 1 to below 0.1, wasserstein is negative "
        "(64 px, 16 channels, batch 4)",
        "README.md, the quick start's log",
    ),
    Milestone(
        "1,500",
        "with critics hole_l1 0.130, psnr 22.1; mean fill has 0.167 and Telea 0.119 (half width, "
        "128 px, batch 4, rate 2e-4, 200 photographs)",
        "docs/results.md",
    ),
)
AFTER = (
    Milestone(
        "141,000 critic updates",
        "l1 0.029 over the whole image (0.0575 in [-1, 1]), psnr 21.25 (Places2 at 256 px, random "
        "holes of 96 to 128 px); its log has 186 lines with nan and 63 resumes",
        "JennyVanessa/Paddle-GI",
    ),
    Milestone(
        "430,000",
        "no numbers published; 150 hours on ImageNet, batch 48",
        "DAA233/generative-inpainting-pytorch, README",
    ),
    Milestone(
        "3,500,000",
        "hole_l1 0.110, psnr 23.4, ssim 0.862 (Places365-Challenge, batch 16, squares of up to "
        "128 px at random places)",
        "open-mmlab/mmagic, configs/deepfillv1",
    ),
    Milestone(
        "not stated",
        "l1 8.6 % by a formula that was not published; 5 days on a GTX 1080 Ti",
        "the paper's Table 1 as quoted; issue 207 of JiahuiYu/generative_inpainting",
    ),
)
ADVICE = (
    "nan or infinity in a loss: the update is skipped, and 10 in a row end the run. Start it "
    "again: it continues from the last checkpoint",
    "the validation's hole_l1 is not below that of mean fill after several thousand iterations: "
    "look at the pictures in images/, and at the images in data.train",
)


def milestones() -> list[Milestone]:
    """Return all milestones, in order."""
    return [*BEFORE, *_of_shipped_network(), *AFTER]


def _of_shipped_network() -> Iterator[Milestone]:
    log = SHIPPED[DEMO_SMALL] / "metrics.jsonl"
    lines = map(json.loads, log.read_text(encoding="utf-8").splitlines())
    scores = [line for line in lines if line["type"] == "validate"]
    for place, line in enumerate(scores):
        if place < 3 or line["iter"] % SHOWN_EVERY == 0 or line is scores[-1]:
            yield Milestone(
                f"{line['iter']:,}",
                f"hole_l1 {line['hole_l1']:.4f}, psnr {line['psnr']:.2f} without critics (half "
                "width, 128 px, batch 8, rate 5e-4, BSDS500 val)",
                f"the log of {DEMO_SMALL}, which ships with the package",
            )
