# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The card of the shipped weights, from card.md."""

from collections.abc import Sequence
from pathlib import Path

from release.shipping import Provenance
from release.tables import Result, overview

TEMPLATE = Path(__file__).with_name("card.md")


def render_card(provenance: Provenance, results: Sequence[Result]) -> str:
    """Fill the numbers of these weights into the card."""
    fields = provenance._asdict() | {
        "iterations": f"{provenance.iterations:,}",
        "planned": f"{provenance.planned:,}",
        "overview": overview(results) if results else "Not scored yet.",
        "half_precision": _half_precision(provenance),
    }
    return TEMPLATE.read_text(encoding="utf-8").format(**fields)


def _half_precision(provenance: Provenance) -> str:
    if not provenance.half_precision:
        return "not measured"
    texts = [
        f"{metric} {single:.6g} in single and {half:.6g} in half precision"
        for metric, (single, half) in provenance.half_precision.items()
    ]
    return ", ".join(texts) + " (BSDS500 val, square holes)"
